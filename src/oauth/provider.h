// oauth: the authorisation server (RFC 6749) and OpenID provider: signing in, consent, tokens. What it gives out are
// identity's access tokens, so that they open IMAP, POP3, SMTP and the APIs alike. It reads and sends no mail.
//
// Routes, all limited by address, none without TLS but from the machine itself:
//   pages      /login, /logout, /oauth/authorize, /oauth/consent, /device
//   programs   /oauth/token, /oauth/device_authorization, /oauth/revoke, /oauth/introspect, /oauth/tokeninfo,
//              /oauth/userinfo, /oauth/register, /oauth/ticket
//   documents  /oauth/jwks, /oauth/certs, /.well-known/openid-configuration, /.well-known/oauth-authorization-server,
//              /.well-known/oauth-protected-resource
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "api/caller.h"
#include "oauth/book.h"
#include "oauth/form.h"
#include "oauth/limiter.h"
#include "oauth/pages.h"
#include "oauth/request.h"
#include "oauth/signing.h"
#include "web/router.h"

namespace pabal::oauth {

constexpr days kSessionLife{14};
constexpr seconds kTicketLife{60};

struct Services {  // outlive the provider
  store::Store& store;
  const identity::Directory& directory;
  identity::Login& login;
  const api::Callers& callers;
  net::Pool& pool;
  const Clock& clock;
  Random& random;
  std::string hostname;  // as pages name the server
  std::string issuer;    // "https://mail.example.com", without a slash at its end
};

// How often the client of a device may ask (RFC 8628 §3.5). Thread-safe; forgets when the server restarts.
class Pace {
 public:
  bool may_ask(const std::string& device, Time now);  // false: slow_down; the interval is five seconds longer then

 private:
  struct Asked {
    Time last;
    seconds interval;
  };
  std::mutex mutex_;
  std::map<std::string, Asked> asked_;
};

class Provider {
 public:
  explicit Provider(Services services);
  void add_to(web::Router& router);  // which it outlives

 private:
  using Handler = Task<web::Response> (Provider::*)(web::Request);
  enum class Kind { kPage, kProgram };
  Task<web::Response> enter(web::Request request, Handler handler, Kind kind, int per_minute);

  // login.cc
  Task<web::Response> login_form(web::Request request);
  Task<web::Response> log_in(web::Request request);
  Task<web::Response> logout_form(web::Request request);
  Task<web::Response> log_out(web::Request request);
  Task<web::Response> ticket(web::Request request);
  LoginPage login_page(const std::string& next) const;

  // authorize.cc
  Task<web::Response> authorize(web::Request request);
  Task<web::Response> authorize_by_form(web::Request request);
  Task<web::Response> consent(web::Request request);
  Task<web::Response> give_code(net::Loop& loop, Asked asked, api::Caller caller);
  Result<bool> remembered(const Asked& asked, const api::Caller& caller) const;
  web::Response tell(const Asked& asked, Pairs parameters) const;
  web::Response tell(const Wrong& wrong) const;

  // device.cc
  Task<web::Response> device_authorization(web::Request request);
  Task<web::Response> device_form(web::Request request);
  Task<web::Response> device_answer(web::Request request);
  Task<web::Response> device_decision(net::Loop& loop, View view, std::string user_code, bool yes, api::Caller caller);

  // token.cc
  struct Authenticated {
    std::optional<Client> client;
    web::Response refusal;  // where there is none
  };
  Authenticated authenticate(const web::Request& request, const Form& form) const;
  Task<web::Response> token(web::Request request);
  Task<web::Response> token_for_code(web::Request request, Client client, Form form);
  Task<web::Response> token_for_refresh(web::Request request, Client client, Form form);
  Task<web::Response> token_for_device(web::Request request, Client client, Form form);
  Task<web::Response> issued(net::Loop& loop, Result<Outcome> outcome);
  Result<std::string> claims(const Issued& issued) const;

  // inspect.cc
  Task<web::Response> revoke(web::Request request);
  Task<web::Response> introspect(web::Request request);
  Task<web::Response> tokeninfo(web::Request request);
  Task<web::Response> userinfo(web::Request request);

  // documents.cc
  Task<web::Response> register_client(web::Request request);
  Task<web::Response> jwks(web::Request request);
  Task<web::Response> certs(web::Request request);
  Task<web::Response> metadata(web::Request request);
  Task<web::Response> resource_metadata(web::Request request);
  Task<web::Response> style(web::Request request);

  Task<Result<void>> commit(net::Loop& loop, store::Work work);
  using Decide = std::function<Result<Outcome>(store::Transaction&)>;
  Task<Result<Outcome>> decide(net::Loop& loop, Decide decide);

  Services services_;
  Book book_;
  KeyHolder key_;
  Limiter limiter_;
  Pace pace_;
};

web::Response see_other(std::string location);
web::Response down_answer(const Error& error);  // 503 for programs, 429 where it is a limit

// A form's proof that our page was its sender: of the session, and worth nothing to whoever sees it.
std::string csrf_of(const web::Request& request);
// A path of ours that a page may lead to: no other host, whatever a browser makes of it.
bool is_local_path(std::string_view path);

}  // namespace pabal::oauth
