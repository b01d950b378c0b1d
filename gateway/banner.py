"""What a person who starts the gateway by hand wants to know."""

from pathlib import Path


def banner(
    *, host: str, sip_port: int, api_url: str, key: str, key_file: Path | None, demo: bool
) -> str:
    """How to call it and how to talk to its API."""
    port = "" if sip_port == 5060 else f":{sip_port}"
    where = f"   (kept in {key_file})" if key_file else ""
    lines = ["", "Trunkline is ready."]
    if demo:
        lines += [
            f"  call the demo agent   sip:demo@{host}{port}",
            f"  hear yourself         sip:echo@{host}{port}",
        ]
    lines += [
        f"  API                   {api_url}   its reference: {api_url}/docs",
        f"  API key               {key}{where}",
        f'  try                   curl -H "Authorization: Bearer {key}" {api_url}/call',
        "  stop                  Ctrl-C; `kill <pid>` lets live calls finish first",
        "",
    ]
    return "\n".join(lines)
