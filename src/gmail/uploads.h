// Uploads: a message beside the JSON of a call, under /upload/gmail/v1/. Three ways (uploadType): "media", the message
// alone; "multipart", the JSON and the message as multipart/related; "resumable", the JSON first, then the message in
// pieces with Content-Range, which may go on after a break.
//
// Resumable uploads are kept in memory, within the bounds below: one that the server has forgotten (a restart, an hour
// of silence) is answered with 404, and clients then begin anew.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "api/json.h"
#include "base/random.h"
#include "base/time.h"
#include "mailbox/mailbox.h"
#include "web/router.h"

namespace pabal::gmail {

struct Services;

constexpr size_t kMaxUploads = 1'000;              // resumable ones, of all accounts
constexpr size_t kMaxUploadsOfOne = 20;            // of one account
constexpr size_t kMaxUploadOctets = 256ull << 20;  // of all of them together
constexpr hours kUploadLifetime{1};                // since the last piece
constexpr size_t kMaxUploadJson = 64 << 10;        // octets of the JSON beside a message

// Content-Range of a request (RFC 9110 §14.4): "bytes 0-99/200", "bytes 100-*/*" is not one; "bytes */200" asks.
struct ContentRange {
  std::optional<uint64_t> first, last;  // of the piece; nothing: none, the client asks how far it is
  std::optional<uint64_t> total;        // nothing: not known yet
};
std::optional<ContentRange> parse_content_range(std::string_view text);

// The resumable uploads that are under way. Thread-safe.
class Uploads {
 public:
  Uploads(const Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // A new one for that path of that account; gives its id. kLimit: too many.
  Result<std::string> begin(mailbox::AccountId account, std::string path, api::json::value beside);

  struct Progress {
    uint64_t octets = 0;                  // that are here
    std::optional<std::string> answer{};  // it was finished before: what was answered then
    std::optional<std::string> whole{};   // finished by this piece: the message; finish() has to follow
    api::json::value beside{};            // of `whole`
  };
  // Adds a piece, or only looks. What is here already is passed over; a piece behind a gap adds nothing. kNotFound: no
  // such upload of that account and path; kLimit: larger than `most`; kUnavailable: no room; kInvalid: more than was
  // announced.
  Result<Progress> add(std::string_view id, mailbox::AccountId account, std::string_view path,
                       const ContentRange& range, std::string piece, size_t most);
  // Behind `whole`. Keeps what was answered, for a client that asks again; nothing: it failed, and is forgotten.
  void finish(std::string_view id, std::optional<std::string> answer);

 private:
  struct Upload {
    mailbox::AccountId account = 0;
    std::string path;
    api::json::value beside;
    std::string octets;
    std::optional<uint64_t> total;
    std::optional<std::string> answer;
    bool ended = false;
    Time until;
  };
  void forget_old(Time now);

  const Clock& clock_;
  Random& random_;
  std::mutex mutex_;
  std::map<std::string, Upload, std::less<>> uploads_;
  size_t octets_ = 0;
};

void add_uploads(web::Router& router, Services& services);

}  // namespace pabal::gmail
