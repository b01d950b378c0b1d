"""The API's transcribers and their fields, in the words of our vendors: a table."""

from gateway.api.vendors import Fields

HEARING: dict[str, Fields] = {
    "embedded": {},
    "deepgram": {
        "language": "language",
        "endpointing": "endpointing",
        "smartFormat": "smart_format",
        "numerals": "numerals",
        "profanityFilter": "profanity_filter",
        "mipOptOut": "mip_opt_out",
        "redaction": "redact",
        "keywords": "keywords",
        "keyterm": "keyterm",
        "confidenceThreshold": "confidence_threshold",
    },
}
