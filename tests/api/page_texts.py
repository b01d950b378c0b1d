"""What docs/compatibility.md says in words of its own."""

BEGINNING = """\
# Compatibility with the documented API

Made by `scripts/compatibility` from the code: every documented field is changed in turn, and what
the gateway makes of the object (an agent's brief, an order, a route, the targets of messages, a
bucket, a trunk, a key, what is asked when a call is over) changes with it, or it does not; what
shows only together with something else is proven by a test that names it. A test refuses this page
if it is not current.

Every field of every object is checked and read back as written, also where nothing acts on it.
Names in brackets are members of a union. An object that may stand in several places is described
once, in the first. What the gateway is called by and calls: [peers.md](peers.md).
"""
# Why what is kept only is so; a field that is not named here could be built, and is not.
WHY: dict[str, tuple[str, ...]] = {
    "The history always is the model's own text, cut to what was heard, and always whole.": (
        "modelOutputInMessagesEnabled", "fullMessageHistoryEnabled",
    ),
    "About carriers that the gateway does not go through: SIP is its own.": (
        "transportConfigurations", "conversationType", "sbcCallSid", "callSid", "twilioAccountSid",
    ),
    "Requests come from this machine's own address, which is as fixed as you make it.": (
        "staticIpAddressesEnabled",
    ),
    "A call is sound alone.": ("videoRecordingEnabled",),
    "There is one denoiser; it finds its own thresholds.": (
        "mediaDetectionEnabled", "staticThreshold", "baselineOffsetDb", "windowSizeMs",
        "baselinePercentile",
    ),
    "SIP captures and logs stay on the machine; a capture has the messages, not the sound.": (
        "pcapS3PathPrefix", "pcapUseCustomStorageEnabled", "loggingUseCustomStorageEnabled",
        "loggingPath",
    ),
    "Names resources that are not here (workflows, versions, monitors).": (
        "assistantVersion", "squadVersion", "workflowId", "workflow", "workflowOverrides",
        "customerId", "outcomeIds", "monitorIds", "workflowIds",
    ),
    "Traces go by OpenTelemetry, for the whole gateway.": ("observabilityPlan",),
    "In a saved output or scorecard it names assistants; what an assistant has is its own.": (
        "assistantIds",
    ),
    "Yours: shown again, and sent to your server where the API does so.": (
        "name", "externalId", "email", "subType", "displayWidthPx", "displayHeightPx",
        "displayNumber",
    ),
}  # fmt: skip
