/**
 * What we refuse although llhttp takes it, by the phrase of the rejection, and why. The differential test fails on a
 * phrase that is not listed. The other way round there is nothing: what we accept, llhttp reads alike. Only a method
 * that llhttp does not know is accepted here, because the answer to it is 501 and not 400.
 */
export const STRICTER_CHOICES: Readonly<Record<string, string>> = {
  "no Host in an HTTP/1.1 request": "RFC 9112 3.2; llhttp leaves it to its caller",
  "more than one Host": "RFC 9112 3.2; two readers could choose different ones",
  "the Host is not a host and port": "RFC 9112 3.2; it becomes part of keys, logs and requests to origins",
  "the request line does not start with a token": "RFC 9112 2.2 lets only CRLF precede it; llhttp skips bare CR and LF",
  "more than one space in front of the request target": "RFC 9112 3; llhttp skips further ones",
  "more than one space in front of the version": "RFC 9112 3; llhttp skips further ones",
  "no version behind the request target": "HTTP/0.9; llhttp takes it",
  "a fragment in the request target": "RFC 9112 3.2 knows none; llhttp keeps it in the target",
  "the form of the request target does not fit the method":
    "RFC 9112 3.2; schemes but http(s) and user information too",
  "empty lines instead of a request": "RFC 9112 2.2 asks for at least one to be skipped; we skip two",
  "the major version is not 1": "llhttp takes 0.9 and 2.0 too",
  "chunked is not the last transfer coding, applied once": "RFC 9112 6.3; llhttp takes lists with empty members",
  "a transfer coding beside chunked": "we decode none of them",
  "the Content-Length is not a number of at most 15 digits": "larger ones are no exact numbers here",
  "a tab behind the value of a framing field": "llhttp takes `chunked` with a tab for another coding",
  "more than one Content-Length": "RFC 9112 6.3 allows to refuse even equal ones",
  "Content-Length beside Transfer-Encoding": "RFC 9112 6.3; smuggling",
  "Transfer-Encoding in an HTTP/1.0 request": "RFC 9112 6.1: framing of such a message is faulty",
  "a body in a CONNECT request": "RFC 9110 9.3.6; llhttp ignores the framing fields",
  "the chunk size is too large": "beyond 15 digits or what a number holds exactly",
  "a malformed chunk extension": "names and values must be there; llhttp takes empty ones",
  "a trailer that frames or routes": "RFC 9110 6.5.1",
};
