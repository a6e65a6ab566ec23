// jmap: JMAP Core and Mail (RFC 8620, 8621), and what is built on them: one file or a few for each data type, which add
// their methods to a registry (methods.h). It stores nothing of its own but uploads (blobs.h), and sends nothing.
//
// State strings are the account's modification sequence. Ids are the mail model's numbers behind a letter, as IMAP's
// object ids (RFC 8474): M mailbox, E email, T thread, A account; B: the octets of an email or of a part of it; U: an
// upload.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "api/caller.h"
#include "api/json.h"
#include "base/random.h"
#include "identity/directory.h"
#include "jmap/blobs.h"
#include "jmap/methods.h"
#include "jmap/push_routes.h"
#include "mailbox/mailbox.h"
#include "mailbox/outgoing.h"
#include "mailbox/overview.h"
#include "net/loop.h"
#include "push/hub.h"
#include "push/outlets.h"
#include "sieve/scripts.h"
#include "web/router.h"

namespace pabal::jmap {

struct Services {
  store::Store& store;
  mailbox::Mailboxes& mailboxes;
  identity::Directory& directory;
  const api::Callers& callers;
  net::Pool& pool;
  Random& random;
  const Clock& clock;
  mailbox::Overviews& overviews;
  mailbox::Outgoing& outgoing;
  const sieve::Scripts& scripts;
  std::string hostname;
  size_t max_message_size;  // octets
  push::Hub& hub;
  const push::Outlets& outlets;
  std::string vapid_key;  // of this server, for push services: public, base64url
  api::HasGrant has_grant;
  bool push_anywhere = false;  // tests: subscriptions may lead to private addresses
};

class Jmap {
 public:
  // `services` are what the fields refer to: they outlive it.
  explicit Jmap(Services services);
  // The session, the API over HTTP and WebSocket, events, uploads and downloads.
  void add_to(web::Router& router);

  // One request object and its answer: the response object, or problem details (RFC 8620 §3.6.1). For HTTP and others
  // that carry JMAP. `peer`: "JMAP from 203.0.113.5".
  struct Reply {
    int status = 200;
    json::object body;
  };
  Task<Reply> process(net::Loop& loop, api::Caller caller, std::string text, std::string peer);

  // RFC 8620 §2. `origin`: "https://mail.example.com".
  Result<json::object> session(const api::Caller& caller, std::string_view origin) const;

  Methods& methods() { return methods_; }
  Services& services() { return services_; }
  const Services& services() const { return services_; }

 private:
  Task<web::Response> answer_session(web::Request request);
  Task<web::Response> answer_api(web::Request request);

  Services services_;
  Methods methods_;
  BlobRoutes blobs_{services_};
  PushRoutes push_{*this};
  std::mutex mutex_;
  std::map<mailbox::AccountId, size_t> under_way_;  // requests of each caller
};

}  // namespace pabal::jmap
