"""What helps a field to show that something acts on it: values, companions, readers, tests."""

from typing import Any

Json = dict[str, Any]

# Plausible values, where any string will not do.
SPECIMENS: dict[str, list[Any]] = {
    "backgroundSound": ["office", "off"],
    "regex": ["a", "b"], "assistantRegex": ["a", "b"], "customerRegex": ["a", "b"],
    "waitFunction": ["200 + x", "300 + x"],
    "url": ["https://one.example/hook", "https://two.example/hook"],
    "serverUrl": ["https://one.example/hook", "https://two.example/hook"],
    "sipUri": ["sip:one@example.org", "sip:two@example.org"],
    "number": ["+4930111111", "+4930222222"],
    "ip": ["192.0.2.1", "192.0.2.2"], "netmask": [32, 30],
    "language": ["de", "fr", "en"],
    "on": [], "provider": [], "type": [],
    "connectionString": ["AccountName=a;AccountKey=a2V5", "AccountName=b;AccountKey=a2V5"],
    "confidence": ["0.1:0.3", "0.2:0.4"],
    "tools:append": [],
    "earliestAt": ["2030-01-01T00:00:00.000Z", "2030-01-02T00:00:00.000Z"],
    "apiKey": ["a", "b"], "openAIKey": ["a", "b"], "groupId": ["a", "b"], "userId": ["a", "b"],
    "apiUrl": ["https://eu.deepgram.com", "https://eu.cartesia.ai", "https://eu.elevenlabs.io",
               "https://eu.soniox.com"],
    "schema": [{"type": "object", "title": "a"}, {"type": "object", "title": "b"}],
    "webhookUrl": ["https://one.example/hook", "https://two.example/hook"],
    "accountSid": ["a", "b"], "region": ["eu1", "us1"],
    "authenticationSession": [{"accessToken": "a"}, {"accessToken": "b"}],
    "encryptionPlan": [{"type": "public-key"}, {"type": "public-key", "publicKey": {}}],
    "startsWith": ["+49", "+1"],
    "values": ["customer-ended-call", "x"],
    "openAIEndpoint": ["https://a.openai.azure.com", "https://b.openai.azure.com"],
    "algorithm": ["sha256", "sha512"],
    "domain": ["one.example.org", "two.example.org"],
}  # fmt: skip
# What makes an object mean something, or be the one that its place in a union says.
ESSENTIALS: dict[str, Json] = {
    "CallHookCustomerSpeechTimeout": {"on": "customer.speech.timeout"},
    "BucketPlan": {"accessKeyId": "a", "secretAccessKey": "b"},
    "CallHookFilter": {"key": "call.endedReason"},
    "CustomEndpointingModelSmartEndpointingPlan": {"provider": "custom-endpointing-model"},
    "LivekitSmartEndpointingPlan": {"provider": "livekit"},
    "Server": {"url": "https://one.example/hook"},
    "SipTrunkOutboundAuthenticationPlan": {"authUsername": "a", "authPassword": "b"},
    "ToolCallHookAction": {"tool": {"type": "endCall"}},
}
# Parts that reach their readers as they were written, and where these are. A field within acts if
# its name is written there.
_TOOLS = ("gateway/api/tools/**/*.py", "gateway/api/phone_tools.py", "gateway/api/tool_server.py",
          "gateway/api/destinations.py", "gateway/api/successors.py", "gateway/api/casting.py",
          "gateway/agent/answering.py", "gateway/calls/actions/**/*.py")  # fmt: skip
CARRIED = {
    "tools": _TOOLS,
    "tool": _TOOLS,
    "declineTool": _TOOLS,
    "artifactPlan": ("gateway/api/artifact.py", "gateway/api/buckets.py"),
}

# What only shows together with something else: a test that tries it.
PROVEN = {
    ("CreateCustomerDto", "numberE164CheckEnabled"): "test_bad_input.py",
    ("ToolRef", "toolId"): "test_saved_tools.py",
    ("ToolCallHookAction", "toolId"): "test_saved_tools.py",
    ("CallHookFilter", "key"): "test_turn_plans.py",
    ("CallHookFilter", "oneOf"): "test_assistant_request.py",
    ("PhoneNumberHookCallRinging", "filters"): "test_assistant_request.py",
    ("PhoneNumberCallRingingHookFilter", "startsWith"): "test_assistant_request.py",
    ("CustomerSpeechTimeoutOptions", "seconds"): "test_turn_plans.py",
    ("CustomerSpeechTimeoutOptions", "confidenceMin"): "test_turn_plans.py",
    ("CustomerSpeechTimeoutOptions", "confidenceMax"): "test_turn_plans.py",
    **{
        (f"Create{maker}PhoneNumberDto", "routing"): "test_directory.py"
        for maker in ("Byo", "Telnyx", "Twilio", "Vapi", "Vonage")
    },
    ("CreateStructuredOutputDto", "regex"): "test_structured_outputs.py",
    ("CreateStructuredOutputDto", "compliancePlan"): "test_compliance.py",
    ("ComplianceOverride", "forceStoreOnHipaaEnabled"): "test_compliance.py",
    ("SecurityFilterBase", "type"): "test_compliance.py",
    ("SecurityFilterBase", "regex"): "test_compliance.py",
    ("ScorecardMetric", "conditions"): "test_saved_outputs.py",
    **{
        (f"{kind}ComparatorScorecardMetricCondition", name): "test_saved_outputs.py"
        for kind in ("Number", "Boolean")
        for name in ("type", "comparator", "value", "points")
    },
    ("Credential_custom_credential", "encryptionPlan"): "test_encrypted_arguments.py",
    **{
        (shape, name): "test_routing.py"
        for shape, names in {
            "RoutingRule": ("name", "when", "assistantId", "squadId", "shares"),
            "RoutingCondition": ("callers", "days", "from", "to", "timeZone", "headers"),
            "RoutingShare": ("name", "assistantId", "squadId", "weight"),
        }.items()
        for name in names
    },
    ("ScriptModel", "script"): "test_briefs.py",
    ("PhoneNumberHookCallEnding", "do"): "test_assistant_request.py",
    ("PhoneNumberHookCallEnding", "filters"): "test_assistant_request.py",
}

# Fields whose objects are the same, and read by the same modules.
SAME = {"tool": "tools", "declineTool": "tools"}
