"""A real MJPEG-over-HTTP camera for tests, in a process of its own so that it can be killed.

Run: python tests/mjpeg_server.py PORT
"""

import http.server
import sys
import time

import cv2
import numpy as np

BOUNDARY = "frame"


class Camera(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.end_headers()
        y, x = np.mgrid[:120, :160]
        number = 0
        try:
            while True:
                red = (x * 3 + number * 5) % 256
                picture = np.stack([y * 2, (x + y) % 256, red], axis=-1).astype(np.uint8)
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                head = (
                    f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n"
                )
                self.wfile.write(head.encode() + b"\r\n" + jpeg + b"\r\n")
                number += 1
                time.sleep(1 / 30)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Camera)
    print("ready", flush=True)
    server.serve_forever()
