/* Made by sigv4_vectors.py, signed by botocore: do not edit. */
#define SECRET "a/secret+of/40+letters/for+vectors/only0"
static const struct {
    const char *name, *service, *method, *path, *query, *headers, *body;
} vectors[] = {
    { "json", "sqs", "POST", "/", "",
      "Content-Type: application/x-amz-json-1.0\012X-Amz-Target: AmazonSQS.SendMessage\012X-Amz-Date: "
      "20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/sqs/aws4_request, "
      "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
      "Signature=d6d5df2ee848bf14811eba8e463d33175e8968db508e1fa764edcac8a05fa292\012Host: "
      "127.0.0.1:4566\012",
      "{\042QueueUrl\042:\042q\042,\042MessageBody\042:\042m\042}" },
    { "session", "sqs", "POST", "/", "",
      "Content-Type: application/x-amz-json-1.0\012X-Amz-Target: AmazonSQS.SendMessage\012X-Amz-Date: "
      "20260914T154458Z\012X-Amz-Security-Token: a token/with+signs==\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/sqs/aws4_request, "
      "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
      "Signature=8929118aa4deaadbb60c02d5e83d21d5e777567c2ee7d7e66801e24a851f111e\012Host: "
      "127.0.0.1:4566\012",
      "{}" },
    { "query", "iam", "POST", "/", "",
      "Content-Type: application/x-www-form-urlencoded; charset=utf-8\012X-Amz-Date: "
      "20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/iam/aws4_request, "
      "SignedHeaders=content-type;host;x-amz-date, "
      "Signature=ae6be1a6448e3bbd4ab33895a9bf21429ec54cb2dcf5405959a5a79c10e7e8e5\012Host: "
      "localhost:4566\012",
      "Action=ListRoles&Version=2010-05-08" },
    { "no body", "lambda", "GET", "/2015-03-31/functions/", "MaxItems=5&Marker=a%2Fb%3D",
      "X-Amz-Date: 20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/lambda/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=965a4c1c05514b1c3b6043ddfc150f3662a8fa431e1d5d8d19ee8e9f6aa38698\012Host: localhost\012",
      "" },
    { "escaped path", "lambda", "POST",
      "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af/invocations", "",
      "X-Amz-Date: 20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/lambda/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=a0a50d0b9ca93455cd5760896e44e854c97c2220782b65a27c52d39997e44130\012Host: localhost\012",
      "{}" },
    { "dots and slashes", "lambda", "GET", "/2015-03-31/./x/..//functions//f/", "",
      "X-Amz-Date: 20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/lambda/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=cca803abf2c05b208937a36dfc598dfe41e67d1b04a6f395253f2c30b08429f1\012Host: localhost\012",
      "" },
    { "only dots", "lambda", "GET", "/..", "",
      "X-Amz-Date: 20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/lambda/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=e7ebdbbaa0e1db3c9d7ade722baa3cf41d9e9ef85722eea59901dec85858d54b\012Host: localhost\012",
      "" },
    { "blanks in values", "events", "POST", "/", "",
      "X-Amz-Target: AWSEvents.PutEvents\012My-Header:   a   b\011c  \012X-Amz-Date: "
      "20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/events/aws4_request, "
      "SignedHeaders=host;my-header;x-amz-date;x-amz-target, "
      "Signature=21377981a72d074fd84bb050c450f84cfcb3984579c6a7610046f3c85dca7891\012Host: localhost\012",
      "{\042Entries\042:[]}" },
    { "order of the query", "lambda", "GET", "/f", "b=2&a=3&a=1&B=4&c&%C3%A4=%20~",
      "X-Amz-Date: 20260914T154458Z\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/lambda/aws4_request, "
      "SignedHeaders=host;x-amz-date, "
      "Signature=c9dc4504331f8f11e8a45f2db9b9ac927cc545b488b0c10d06be542d2055f4c0\012Host: localhost\012",
      "" },
    { "presigned query", "sts", "GET", "/",
      "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIAWAYBILLVECTORS00%2F20260914%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20260914T154458Z&X-Amz-"
      "Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "e9251b886a62f300902e2d9e34dc24d0b593333ea2d31526a9f25b5a4255d893",
      "Host: localhost:4566\012", "" },
    { "presigned session", "sts", "GET", "/",
      "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIAWAYBILLVECTORS00%2F20260914%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20260914T154458Z&X-Amz-"
      "Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%20token%2Fwith%2Bsigns%3D%3D&X-Amz-"
      "Signature=db9576ed3e670b397fc03eb1f70a450679d7a81058cacacf8d520cf07c15e9c0",
      "Host: localhost:4566\012", "" },
    { "s3 object", "s3", "PUT", "/bucket/a%20key%2Fwith//slashes/../and%20%C3%A4~%21%27", "",
      "X-Amz-Date: 20260914T154458Z\012X-Amz-Content-SHA256: "
      "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/s3/aws4_request, "
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
      "Signature=b7f3dc8be88242d8171cb72477ef8001c13557fcb16ef5d14557b135e6e8ea8a\012Host: "
      "127.0.0.1:4566\012",
      "content" },
    { "s3 plain path", "s3", "GET", "/", "",
      "Range: bytes=0-1\012X-Amz-Date: 20260914T154458Z\012X-Amz-Security-Token: a "
      "token/with+signs==\012X-Amz-Content-SHA256: "
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/s3/aws4_request, "
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token, "
      "Signature=f1bdfc926abf3ee5567be49c4e7de452736103fe01f30bd6f92827c9ff562fdf\012Host: "
      "bucket.localhost:4566\012",
      "" },
    { "s3 sub-resource", "s3", "GET", "/bucket", "uploads&prefix=a%2Bb%20c",
      "X-Amz-Date: 20260914T154458Z\012X-Amz-Content-SHA256: "
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/s3/aws4_request, "
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
      "Signature=e9302f395e39df3d059d5c14fd0b2247be6e68e95c198f4f8030a0f3d8d5bb0b\012Host: "
      "127.0.0.1:4566\012",
      "" },
    { "s3 presigned", "s3", "GET", "/bucket/a%20key",
      "response-content-type=text%2Fplain&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
      "AKIAWAYBILLVECTORS00%2F20260914%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Date=20260914T154458Z&X-Amz-"
      "Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Signature="
      "be9f75673ea88094ddffe60116c71e39c223f9842c9d02c9e27872b6f306cce9",
      "Host: 127.0.0.1:4566\012", "" },
    { "s3 presigned session", "s3", "PUT", "/bucket/key",
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAWAYBILLVECTORS00%2F20260914%2Feu-west-1%2Fs3%"
      "2Faws4_request&X-Amz-Date=20260914T154458Z&X-Amz-Expires=3600&X-Amz-SignedHeaders=content-type%3Bhost&"
      "X-Amz-Security-Token=a%20token%2Fwith%2Bsigns%3D%3D&X-Amz-Signature="
      "f631155f43f12173dea2f18ca98b9b91be3e821c3cbf8d2c93e335e868b7d18f",
      "Content-Type: text/plain\012Host: 127.0.0.1:4566\012", "" },
    { "utf-8 in a header", "s3", "PUT", "/bucket/key", "",
      "x-amz-meta-name: a=b;c, d\012X-Amz-Date: 20260914T154458Z\012X-Amz-Content-SHA256: "
      "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\012Authorization: AWS4-HMAC-SHA256 "
      "Credential=AKIAWAYBILLVECTORS00/20260914/eu-west-1/s3/aws4_request, "
      "SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-meta-name, "
      "Signature=b36ceb2487bbfb8991227b734d7b712f70f65679a9f8b41b536e30dd5f1f7cd7\012Host: "
      "127.0.0.1:4566\012",
      "x" },
};
#define CHUNKS_SEED "8a7e052fe09e417523f95ff0428b13be18d5890e15c8ba63f8fdda24b9a78a4f"
#define CHUNKS_BODY                                                                                          \
    "d;chunk-signature=a29213544757d51e6efd81b5ebf0c2c5c36a0db8b34241b92b843541e7eb516c\015\012first "       \
    "chunk, "                                                                                                \
    "\015\012e;chunk-signature=4f365a33bc07cc6f6c7fbba9c53bab4c0eb0e41d116cbb8db202829d20d6d998\015\012and " \
    "the "                                                                                                   \
    "second\015\0120;chunk-signature="                                                                       \
    "2ac3fc3da7c1d38583c6e4658bb1ae0d9e73e3892538875564f8b05fcf1aa151\015\012"
#define CHUNKS_TRAILER                                          \
    "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:" \
    "912d0b3e5c37384e886f6d01b28298c2a5c5854f407c5d4cacd9e6cf94641a58\r\n"
