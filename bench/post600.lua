-- wrk script: an Event invocation as an SDK sends it: 600 bytes of JSON, some 870 bytes of headers
wrk.method = "POST"
wrk.body = '{"orderId":"' .. string.rep("x", 586) .. '"}'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-Amz-Invocation-Type"] = "Event"
wrk.headers["User-Agent"] = "aws-sdk-js/3.1143.0 ua/2.1 os/linux#6.1.0 lang/js md/nodejs#20.18.0 api/lambda#3.1143.0 m/E,n"
wrk.headers["X-Amz-User-Agent"] = "aws-sdk-js/3.1143.0"
wrk.headers["amz-sdk-invocation-id"] = "2f1e9e0a-5f0e-4a53-8f43-5d1a2a3b4c5d"
wrk.headers["amz-sdk-request"] = "attempt=1; max=3"
wrk.headers["X-Amz-Date"] = "20261123T080000Z"
wrk.headers["X-Amz-Content-Sha256"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
wrk.headers["Authorization"] = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/us-east-1/lambda/aws4_request, SignedHeaders=amz-sdk-invocation-id;amz-sdk-request;content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-invocation-type;x-amz-user-agent, Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
