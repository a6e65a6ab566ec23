// users.settings.autoForwarding and forwardingAddresses. An address is verified by its owner alone: a letter goes there
// with a link, and the page behind the link has a button. (Programs that look at links in mail press no buttons.)
#include "api/html.h"
#include "base/text.h"
#include "gmail/error.h"
#include "gmail/settings.h"
#include "message/address.h"
#include "message/draft.h"
#include "web/site.h"
#include "web/target.h"

namespace pabal::gmail {

using api::json::array;
using api::json::object;
using api::json::value;
using sieve::AfterForwarding;
using sieve::Settings;

namespace {

constexpr const char* kPage = "/forwarding/confirm";
constexpr size_t kMaxForm = 1 << 10;  // octets

// --- auto-forwarding -------------------------------------------------------------------------------------------------

constexpr std::pair<const char*, AfterForwarding> kDispositions[] = {{"leaveInInbox", AfterForwarding::kLeaveInInbox},
                                                                     {"archive", AfterForwarding::kArchive},
                                                                     {"trash", AfterForwarding::kTrash},
                                                                     {"markRead", AfterForwarding::kMarkRead}};

object auto_forwarding_resource(const sieve::AutoForwarding& a) {
  object out;
  out["enabled"] = a.enabled;
  if (a.address.empty()) return out;
  out["emailAddress"] = a.address;
  for (const auto& [name, after] : kDispositions)
    if (after == a.after) out["disposition"] = name;
  return out;
}

Result<sieve::AutoForwarding> auto_forwarding_of(const value& body) {
  if (const auto known = only_members(body, {"enabled", "emailAddress", "disposition"}); !known) return known.error();
  const auto enabled = bool_of(body, "enabled");
  if (!enabled) return enabled.error();
  auto address = string_of(body, "emailAddress");
  if (!address) return address.error();
  const auto disposition = string_of(body, "disposition", "leaveInInbox");
  if (!disposition) return disposition.error();
  sieve::AutoForwarding out{*enabled, std::move(*address), AfterForwarding::kLeaveInInbox};
  for (const auto& [name, after] : kDispositions)
    if (name == *disposition) {
      out.after = after;
      return out;
    }
  return invalid("disposition: leaveInInbox, archive, trash or markRead");
}

Task<Result<value>> get_auto_forwarding(CallPtr call) {
  const auto settings = sieve::settings(call->services.store, call->account());
  if (!settings) co_return settings.error();
  co_return value(auto_forwarding_resource(settings->auto_forwarding));
}

Task<Result<value>> update_auto_forwarding(CallPtr call) {
  const auto wanted = auto_forwarding_of(call->body);
  if (!wanted) co_return wanted.error();
  const Edit edit = [wanted = *wanted](Settings& settings, const store::Reader&) -> Result<void> {
    settings.auto_forwarding = wanted;
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(auto_forwarding_resource(done->auto_forwarding));
}

// --- addresses -------------------------------------------------------------------------------------------------------

object resource_of(const sieve::ForwardingAddress& one) {
  object out;
  out["forwardingEmail"] = one.address;
  out["verificationStatus"] = one.verified ? "accepted" : "pending";
  return out;
}

const sieve::ForwardingAddress* find(const Settings& settings, std::string_view address) {
  for (const auto& one : settings.forwarding_addresses)
    if (text::iequals(one.address, address)) return &one;
  return nullptr;
}

Task<Result<value>> list(CallPtr call) {
  const auto settings = sieve::settings(call->services.store, call->account());
  if (!settings) co_return settings.error();
  array all;
  for (const auto& one : settings->forwarding_addresses) all.push_back(resource_of(one));
  object out;
  if (!all.empty()) out["forwardingAddresses"] = std::move(all);
  co_return value(std::move(out));
}

Task<Result<value>> get(CallPtr call) {
  const auto settings = sieve::settings(call->services.store, call->account());
  if (!settings) co_return settings.error();
  const auto* one = find(*settings, call->path("forwardingEmail"));
  if (!one) co_return missing();
  co_return value(resource_of(*one));
}

message::AddressItem item_of(std::string_view address) {
  const size_t at = address.rfind('@');
  message::AddressItem out;
  out.local = address.substr(0, at);
  out.domain = address.substr(at + 1);
  return out;
}

// From the account itself: what cannot be delivered comes back there, and its limits of sending hold.
Result<std::string> letter_for(const Call& call, const std::string& address, const std::string& secret) {
  const std::string& owner = call.caller.account.name;
  const std::string link = call.request.scheme + "://" + call.request.host + kPage + "?t=" + secret;
  message::Draft draft;
  draft.from.push_back(item_of(owner));
  draft.to.push_back(item_of(address));
  draft.subject = owner + ": forwarding / 메일 전달";
  draft.date = call.services.clock.now();
  draft.more.emplace_back("Auto-Submitted", "auto-generated");
  draft.text = owner + " asks to have mail forwarded to " + address +
               ".\n\nIf you want that, open this page within seven days and press the button there:\n\n" + link +
               "\n\nIf you do not, do nothing: nothing will be forwarded.\n\n" + owner + " 계정이 자기 메일을 " +
               address +
               " 주소로 전달하려고 합니다.\n동의하시면 이레 안에 위 주소를 열어 단추를 누르세요. "
               "원하지 않으시면 그대로 두세요. 아무것도 전달되지 않습니다.\n";
  return message::build(draft, call.services.random);
}

Task<Result<value>> create(CallPtr call) {
  if (const auto known = only_members(call->body, {"forwardingEmail", "verificationStatus"}); !known)
    co_return known.error();
  const auto address = string_of(call->body, "forwardingEmail");
  if (!address) co_return address.error();
  if (!call->services.outgoing) co_return Error{Code::kUnavailable, "This server sends no mail"};
  const auto own = call->services.directory.may_send_as(call->services.store, call->account(), *address);
  if (!own) co_return own.error();
  if (*own) co_return invalid("Mail for " + text::printable(*address, 100) + " comes to this account already");
  const auto secret = std::make_shared<std::string>();
  const Edit edit = [call, address = *address, secret](Settings& settings, const store::Reader&) -> Result<void> {
    auto asked =
        sieve::ask_forwarding(settings, call->account(), address, call->services.random, call->services.clock.now());
    if (!asked) return asked.error();
    *secret = std::move(*asked);
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  const auto* one = find(*done, *address);
  if (!one) co_return missing();
  if (one->verified) co_return value(resource_of(*one));
  auto letter = letter_for(*call, one->address, *secret);
  if (!letter) co_return letter.error();
  mailbox::Outgoing::Letter out;
  out.account = call->account();
  out.content = std::move(*letter);
  out.peer = "Gmail API from " + call->request.client.ip;
  Task<Result<std::string>> sending = call->services.outgoing->send(*call->request.loop, std::move(out));
  const auto sent = co_await sending;
  if (!sent) co_return sent.error();
  co_return value(resource_of(*one));
}

Task<Result<value>> remove(CallPtr call) {
  const Edit edit = [call](Settings& settings, const store::Reader&) {
    return sieve::remove_forwarding(settings, call->path("forwardingEmail"));
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(nullptr);
}

// --- the page --------------------------------------------------------------------------------------------------------

struct Words {
  const char *language, *title, *ask, *button, *done, *gone;
};
constexpr Words kEnglish{"en",
                         "Forwarding of mail",
                         "wants mail forwarded to",
                         "Allow it",
                         "From now on mail may be forwarded here. You can close this page.",
                         "This link is no longer good. Ask for a new letter."};
constexpr Words kKorean{"ko",
                        "메일 전달",
                        "→",
                        "전달 허용",
                        "이제 이 주소로 메일을 전달할 수 있습니다. 창을 닫으셔도 됩니다.",
                        "더 쓸 수 없는 링크입니다. 편지를 다시 요청하세요."};

web::Response page(const Words& words, const std::string& content, int status) {
  web::Response response = web::with_body(
      "text/html; charset=utf-8",
      std::string("<!doctype html>\n<html lang=\"") + words.language +
          "\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>" +
          words.title +
          "</title>\n<style>\n"
          ":root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfaf7; --accent: #1f5fae; --on: #fff }\n"
          "@media (prefers-color-scheme: dark) {\n"
          "  :root { --ink: #e8e6e1; --paper: #15181d; --accent: #8ab8f2; --on: #10151c }\n}\n"
          "body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);\n"
          "  color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif }\n"
          "main { max-width: 34rem; padding: 2rem 1.5rem }\n"
          "h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 1rem }\n"
          "p { margin: 0 0 1.5rem; overflow-wrap: anywhere; word-break: keep-all }\n"
          "button { font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: .4rem; cursor: pointer;\n"
          "  background: var(--accent); color: var(--on) }\n"
          "button:focus-visible { outline: .2rem solid var(--ink); outline-offset: .15rem }\n"
          "</style>\n</head>\n<body>\n<main>\n<h1>" +
          words.title + "</h1>\n" + content + "</main>\n</body>\n</html>\n",
      status);
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("Content-Language", words.language);
  response.headers.set("Vary", "Accept-Language");
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; "
                       "frame-ancestors 'none'");
  return response;
}

const Words& words_for(const web::Request& request) {
  return web::prefers_korean(request.headers.joined("Accept-Language")) ? kKorean : kEnglish;
}

web::Response gone(const Words& words) { return page(words, std::string("<p>") + words.gone + "</p>\n", 404); }

// The account and the address that a secret is of.
struct Asked {
  identity::Account account;
  Settings settings;
  std::string address;
};
Result<std::optional<Asked>> find_asked(const Services& services, const store::Reader& r, std::string_view secret) {
  const auto id = sieve::account_of_forwarding(secret);
  if (!id) return std::optional<Asked>();
  const auto account = services.directory.account(r, *id);
  if (!account) return account.error();
  if (!*account || !(*account)->enabled) return std::optional<Asked>();
  auto settings = sieve::settings(r, *id);
  if (!settings) return settings.error();
  const auto* asked = sieve::asked_with(*settings, secret, services.clock.now());
  if (!asked) return std::optional<Asked>();
  const std::string address = asked->address;
  return std::optional(Asked{**account, std::move(*settings), address});
}

Task<web::Response> ask(Services* services, web::Request request) {
  const Words& words = words_for(request);
  const std::string* secret = request.query_value("t");
  const auto asked = find_asked(*services, services->store, secret ? *secret : "");
  if (!asked) co_return web::problem(503, "try again");
  if (!*asked) co_return gone(words);
  co_return page(words,
                 "<p><strong>" + api::html_escaped((*asked)->account.name) + "</strong> " + words.ask + " <strong>" +
                     api::html_escaped((*asked)->address) + "</strong></p>\n<form method=\"post\" action=\"" + kPage +
                     "\">\n<input type=\"hidden\" name=\"t\" value=\"" + api::html_escaped(*secret) +
                     "\">\n<button type=\"submit\">" + words.button + "</button>\n</form>\n",
                 200);
}

Task<web::Response> confirm(Services* services, web::Request request) {
  const Words& words = words_for(request);
  std::string secret;
  if (const auto form = web::parse_query(request.body))
    for (const auto& [name, text] : *form)
      if (name == "t") secret = text;
  const auto before = find_asked(*services, services->store, secret);
  if (!before) co_return web::problem(503, "try again");
  if (!*before) co_return gone(words);
  // Through edit_settings(), as the owner.
  const auto call = std::make_shared<Call>(
      Call{*services, {(*before)->account, identity::Token()}, std::move(request), value(nullptr)});
  const Edit edit = [services, secret](Settings& settings, const store::Reader&) -> Result<void> {
    auto* asked = sieve::asked_with(settings, secret, services->clock.now());
    if (!asked) return missing();
    sieve::confirm(*asked);
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done && done.code() == Code::kNotFound) co_return gone(words);
  if (!done) co_return web::problem(503, "try again");
  co_return page(words, std::string("<p>") + words.done + "</p>\n", 200);
}

}  // namespace

void add_forwarding(web::Router& router, Services& services) {
  add(router, services, "GET", "/settings/autoForwarding", Need::kReadSettings, get_auto_forwarding);
  add(router, services, "PUT", "/settings/autoForwarding", Need::kShareSettings, update_auto_forwarding);
  add(router, services, "GET", "/settings/forwardingAddresses", Need::kReadSettings, list);
  add(router, services, "POST", "/settings/forwardingAddresses", Need::kShareSettings, create);
  add(router, services, "GET", "/settings/forwardingAddresses/{forwardingEmail}", Need::kReadSettings, get);
  add(router, services, "DELETE", "/settings/forwardingAddresses/{forwardingEmail}", Need::kShareSettings, remove);
  router.add("GET", kPage, [&services](web::Request request) { return ask(&services, std::move(request)); });
  router.add("POST", kPage, [&services](web::Request request) { return confirm(&services, std::move(request)); },
             {kMaxForm, false});
}

}  // namespace pabal::gmail
