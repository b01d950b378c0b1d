"""What the documentation says of the API's fields is what the code does with them."""

from tests.api.compatibility import PAGE, page


async def test_the_page_of_fields_is_current() -> None:
    made = await page()
    assert made == PAGE.read_text(), "docs/compatibility.md is not current: scripts/compatibility"
    rows = dict(line.split("|")[1:3] for line in made.splitlines() if line.startswith("| "))
    assert "`secret`" in rows[" server "]
    assert "`staticIpAddressesEnabled`" not in rows[" server "]
