"""Stories on a real Asterisk: SIPp calls, the controller decides, and SIP, the database and the files are looked at."""
