"""The ways to send a message, each behind `ari_app.message_ports.Gateway`; `configuration` reads which there are."""
