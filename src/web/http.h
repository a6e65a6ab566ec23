// web: the HTTP server (HTTP/1.1 and HTTP/2) and all that speaks HTTP. This header is what a handler sees: a Request, a
// Response, and the two ways a body comes: whole, or in pieces. The wire is http1.cc and http2.cc; server.h starts
// them.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "net/stream.h"
#include "web/limits.h"

namespace pabal::web {

// Header fields in their order. Names compare without case (RFC 9110 §5.1).
class Fields {
 public:
  struct Field {
    std::string name, value;
  };
  void add(std::string name, std::string value) { list_.push_back({std::move(name), std::move(value)}); }
  void set(std::string_view name, std::string value);               // in place of all of that name
  void set_default(std::string_view name, std::string_view value);  // unless there is one
  void append(std::string_view name, std::string_view value);       // to the list of that name, unless it is in it
  void remove(std::string_view name);
  const std::string* get(std::string_view name) const;  // the first; null: none
  std::string joined(std::string_view name) const;      // all of that name with ", " between (RFC 9110 §5.3)
  size_t count(std::string_view name) const;
  // A list field has this member, whatever its parameters (Connection: close; Accept-Encoding: br;q=1).
  bool has_token(std::string_view name, std::string_view token) const;

  size_t size() const { return list_.size(); }
  auto begin() const { return list_.begin(); }
  auto end() const { return list_.end(); }

 private:
  std::vector<Field> list_;
};

// The body of a request, piece by piece. It may be dropped at any time; the rest is then not read.
class BodyReader {
 public:
  virtual ~BodyReader() = default;
  // The next octets; "": the end. kLimit: more than the route takes (413); kInvalid: the framing is broken (400);
  // kTimeout; kClosed, kIo: the client is gone. After an error there is nothing more.
  virtual Task<Result<std::string>> next() = 0;
};

// The body of a response, piece by piece.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // The next octets, when there are some; "": the end. An error breaks the response off, so that the client sees that
  // it is not whole.
  virtual Task<Result<std::string>> next() = 0;
  // The client has gone or the server stops: a next() that waits for something should end soon; one that has its
  // octets at hand may go on. Loop thread only.
  virtual void cancel() {}
};

struct Request {
  std::string method;  // as sent: case counts
  std::string target;  // as sent, in origin form: "/a%20b?c=d"
  // The path without its percent-encoding: UTF-8, begins with "/", has no segment that is "." or "..", no control
  // characters. `segments` are its parts: an encoded slash is within one.
  std::string path;
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, "+" is a blank, in their order
  Fields headers;
  std::string scheme, host;  // "https"; the authority asked, lower case, with its port if it has one
  net::Address client;       // behind a trusted proxy: whom the proxy names
  bool http2 = false;
  bool websocket = false;                     // it asks for a WebSocket: see websocket.h
  net::Loop* loop = nullptr;                  // that the handler runs on
  std::map<std::string, std::string> params;  // of the {names} of the route

  std::string body;                    // where the route takes it whole
  std::shared_ptr<BodyReader> stream;  // where it takes it in pieces; else null

  const std::string* query_value(std::string_view name) const;  // the first; null: none
  bool secure() const { return scheme == "https"; }
};

struct Upgrade;  // websocket.h

struct Response {
  int status = 200;
  Fields headers;
  std::string body;
  std::shared_ptr<BodySource> source;  // in place of body
  // The body may be compressed: true only where nothing in it is both secret and beside what a stranger can choose
  // (BREACH).
  bool compress = false;
  std::shared_ptr<Upgrade> upgrade{};  // made by upgrade(): a WebSocket in place of a body
};

// What a route takes as a body.
struct BodyRule {
  size_t limit = kMaxBody;  // octets; 413 above
  bool streamed = false;    // as Request::stream; false: whole, as Request::body
};

// Answers requests, many at once, on any loop. Outlives all sessions. What it throws is a 500.
class Handler {
 public:
  virtual ~Handler() = default;
  virtual BodyRule body_rule(const Request&) const { return {}; }  // asked before any of the body is read
  virtual Task<Response> handle(Request request) = 0;
};

std::string_view reason(int status);  // "Not Found"; "" for what is not known
// RFC 9457: application/problem+json with status, title and `detail`, which says what to do next.
Response problem(int status, std::string_view detail);
Response with_body(std::string content_type, std::string body, int status = 200);
// Sets a strong ETag made of the body, so that If-None-Match is answered with 304.
Response with_etag(Response response);
std::string json_string(std::string_view utf8);  // with its quotes
std::string http_date(Time t);                   // RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT"

}  // namespace pabal::web
