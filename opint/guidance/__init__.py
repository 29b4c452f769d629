"""What to do about an incident, as the site has written it down."""
