"""A mail server that takes what comes, or refuses it, and keeps it for the test; by STARTTLS with a certificate of its own."""
import email
import email.policy
import queue
import ssl
import subprocess

from aiosmtpd.controller import Controller


class MailServer:
    def __init__(self, folder, port):
        self.ca_file, key = str(folder / "mail.pem"), str(folder / "mail.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", self.ca_file,
                        "-subj", "/CN=localhost", "-days", "2", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key)
        self.refuse = False
        self.came = queue.Queue()
        self.message_id = None  # of the one that `next` gave last
        self.controller = Controller(self, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
        self.controller.start()

    def config(self):
        return {"url": f"smtp://localhost:{self.controller.port}", "from": "ca@ca.example", "ca_file": self.ca_file}

    async def handle_RCPT(self, server, session, envelope, address, options):
        del server, session, options
        if self.refuse:
            return f"451 4.3.0 <{address}> come again"  # as servers do, with the address in it
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        del server
        assert session.ssl, "a mail came without TLS"
        self.came.put((envelope.rcpt_tos, email.message_from_bytes(envelope.content, policy=email.policy.SMTP)))
        return "250 OK"

    def next(self, to, timeout=60):
        """The next mail, which goes to one address: its subject and text."""
        rcpt, message = self.came.get(timeout=timeout)
        assert rcpt == [to] and message["To"] == to and message["Auto-Submitted"] == "auto-generated", rcpt
        self.message_id = message["Message-ID"]
        return message["Subject"], message.get_content().replace("\r\n", "\n")

    def close(self):
        self.controller.stop()
