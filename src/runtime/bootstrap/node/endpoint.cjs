'use strict';
// Requests of SDKs that know no AWS_ENDPOINT_URL (the AWS SDK for JavaScript v2, and v3 until late in 2023) would leave
// for the real AWS with keys only this server knows.  What is signed with one of them goes to the endpoint instead.
//
// Nothing else is touched: requests to other hosts, unsigned ones, and those signed with keys of somebody else's
// account.  AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true, the SDKs' own switch, turns this off.

const http = require('http');
const https = require('https');
const http2 = require('http2');
const { urlToHttpOptions } = require('url');

const HOST = /(^|\.)(amazonaws\.com(\.cn)?|api\.aws|api\.amazonwebservices\.com\.cn)$/i;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
const ownKey = process.env.AWS_ACCESS_KEY_ID ?? '';
const told = new Set();

// An access key says which account it belongs to: 40 bits after the first of 16 characters of 5.
function accountOf(key) {
  return /^A[KS]IA[A-Z2-7]{16}$/.test(key) ? key.substring(4, 12) + (ALPHABET.indexOf(key[12]) >> 4) : undefined;
}

function isOurs(key) {
  return key !== undefined && (key === ownKey || (accountOf(key) !== undefined && accountOf(key) === accountOf(ownKey)));
}

// [[name, value], ...] of headers in any form that http.request takes.
function pairsOf(headers) {
  if (!Array.isArray(headers)) return Object.entries(headers ?? {});
  return Array.isArray(headers[0]) ? headers : headers.flatMap((v, i) => (i % 2 === 0 ? [[v, headers[i + 1]]] : []));
}

function headerOf(headers, name) {
  return pairsOf(headers).find(([key]) => String(key).toLowerCase() === name)?.[1];
}

// The server's own name, for its replies repeat it in addresses; with the bucket in front where S3 had one there.
function nameThere(host) {
  const bucket = /^(.+)\.s3[.-]/i.exec(host)?.[1];
  return bucket === undefined ? endpoint.host : `${bucket}.s3.localhost:${endpoint.port}`;
}

// The access key of a signed request: in its header, or in the query of a presigned address.
function signerOf(authorization, path) {
  const found = /Credential=([A-Z0-9]+)\/|^AWS ([A-Z0-9]+):/.exec(String(authorization ?? ''))
    ?? /[?&](?:X-Amz-Credential|AWSAccessKeyId)=([A-Z0-9]+)/.exec(String(path ?? ''));
  return found?.[1] ?? found?.[2];
}

function say(host) {
  if (told.has(host)) return;
  told.add(host);
  console.warn(`This SDK does not read AWS_ENDPOINT_URL: its requests to ${host} go to ${endpoint.origin}`);
}

function refusal(host) {
  return new Error(`A request to ${host}, signed with the function's own credentials, was not sent: AWS does not know them. `
    + `Use the endpoint ${endpoint.origin} (AWS_ENDPOINT_URL).`);
}

// The options of http.request and https.request, whichever way they were given.
function optionsOf(args) {
  const [first, second] = args;
  if (typeof first !== 'string' && !(first instanceof URL)) return { ...first };
  return { ...urlToHttpOptions(new URL(first)), ...(typeof second === 'object' ? second : undefined) };
}

function moved(args) {
  const options = optionsOf(args);
  const host = String(options.hostname ?? options.host ?? '');
  if (!HOST.test(host) || !isOurs(signerOf(headerOf(options.headers, 'authorization'), options.path))) return undefined;
  say(host);
  for (const name of ['agent', 'createConnection', 'lookup', 'servername', 'socketPath', 'defaultPort', 'family', 'href', 'origin']) {
    delete options[name];
  }
  // The host that was signed goes along, for whoever wants to verify the signature.
  options.headers = Object.fromEntries([...pairsOf(options.headers).filter(([key]) => String(key).toLowerCase() !== 'host'),
    ['Host', nameThere(host)], ['X-Waybill-Signed-Host', headerOf(options.headers, 'host') ?? host]]);
  return { ...options, protocol: endpoint.protocol, host: endpoint.hostname, hostname: endpoint.hostname, port: endpoint.port };
}

const requestThere = endpoint.protocol === 'https:' ? https.request : http.request;

for (const module of [http, https]) {
  const request = module.request;
  module.request = function (...args) {
    let options;
    try {
      options = moved(args);
    } catch {
      // Arguments that make no request: let the original say so.
    }
    return options === undefined ? request.apply(this, args) : requestThere(options, args.find((a) => typeof a === 'function'));
  };
  module.get = function (...args) {
    const made = module.request(...args);
    made.end();
    return made;
  };
}

const connect = http2.connect;
http2.connect = function (authority, ...rest) {
  const session = connect.call(this, authority, ...rest);
  const host = URL.canParse?.(String(authority)) === false ? '' : new URL(String(authority)).hostname;
  if (!HOST.test(host)) return session;
  const request = session.request;
  session.request = function (headers, ...more) {
    if (isOurs(signerOf(headerOf(headers, 'authorization'), headers?.[':path']))) throw refusal(host);
    return request.call(this, headers, ...more);
  };
  return session;
};
require('module').syncBuiltinESMExports();

// Of fetch(): the error that keeps the request here, or undefined.
exports.refuses = (input, init) => {
  const request = new Request(input, init);
  const url = new URL(request.url);
  return HOST.test(url.hostname) && isOurs(signerOf(request.headers.get('authorization'), url.search)) ? refusal(url.hostname) : undefined;
};
