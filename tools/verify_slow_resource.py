"""The scratch custom resource of `make verify`, run by Lambda: it takes as long as its properties say, and fails if they say so.

The probes read its log. The response URL is a secret, so only the time of its signature is logged.
"""

import json
import time
import urllib.parse
import urllib.request


def handler(event, context):
    kind, wish = event["RequestType"], event["ResourceProperties"]
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(event["ResponseURL"]).query))
    signed = {name: query[name] for name in ("X-Amz-Date", "X-Amz-Expires", "Expires") if name in query}
    before = event.get("PhysicalResourceId")
    own = wish.get("Id") or before or event["LogicalResourceId"] + "-own"
    seen = {"verify": kind, "stack": event["StackId"].split("/")[1], "logical": event["LogicalResourceId"]}
    print(json.dumps({**seen, "id": before, "time": time.time(), **signed}), flush=True)
    if kind != "Delete":
        time.sleep(int(wish.get("Seconds", "0")))
    body = {
        "Status": "FAILED" if wish.get("Fail") == kind else "SUCCESS",
        "Reason": "as its properties ask",
        "PhysicalResourceId": before if kind == "Delete" else own,
        **{name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    put = urllib.request.Request(event["ResponseURL"], json.dumps(body).encode(), {"Content-Type": ""}, method="PUT")
    urllib.request.urlopen(put, timeout=30).close()
