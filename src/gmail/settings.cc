#include "gmail/settings.h"

#include <algorithm>

#include "base/text.h"
#include "gmail/error.h"
#include "message/address.h"

namespace pabal::gmail {

using api::json::object;
using api::json::value;
using sieve::Settings;

namespace {

constexpr int kTries = 5;

struct Edited {
  sieve::ReadySettings ready;
};

Result<value> as_value(Result<object> made) {
  if (!made) return made.error();
  return value(std::move(*made));
}

// --- vacation --------------------------------------------------------------------------------------------------------

constexpr int64_t kMaxMillis = 253'402'300'799'000;  // the end of the year 9999

object vacation_resource(const sieve::VacationAnswer& v) {
  object out;
  out["enableAutoReply"] = v.enabled;
  if (!v.subject.empty()) out["responseSubject"] = v.subject;
  if (!v.text.empty()) out["responseBodyPlainText"] = v.text;
  if (!v.html.empty()) out["responseBodyHtml"] = v.html;
  out["restrictToContacts"] = false;
  out["restrictToDomain"] = !v.only_domain.empty();
  if (v.from) out["startTime"] = std::to_string(to_micros(*v.from) / 1'000);
  if (v.until) out["endTime"] = std::to_string(to_micros(*v.until) / 1'000);
  return out;
}

Result<std::optional<Time>> millis_of(const value& body, std::string_view name) {
  const auto number = number_of(body, name);
  if (!number) return number.error();
  if (!*number) return std::optional<Time>();
  if (**number < 0 || **number > kMaxMillis)
    return invalid(std::string(name) + ": milliseconds since 1970, of a time before the year 10000");
  return std::optional<Time>(from_micros(**number * 1'000));
}

Result<sieve::VacationAnswer> vacation_of(const value& body, std::string_view own_address) {
  const auto known =
      only_members(body, {"enableAutoReply", "responseSubject", "responseBodyPlainText", "responseBodyHtml",
                          "restrictToContacts", "restrictToDomain", "startTime", "endTime"});
  if (!known) return known.error();
  sieve::VacationAnswer out;
  const auto enabled = bool_of(body, "enableAutoReply"), contacts = bool_of(body, "restrictToContacts"),
             domain = bool_of(body, "restrictToDomain");
  auto subject = string_of(body, "responseSubject"), plain = string_of(body, "responseBodyPlainText"),
       html = string_of(body, "responseBodyHtml");
  const auto from = millis_of(body, "startTime"), until = millis_of(body, "endTime");
  for (const auto* one : {&enabled, &contacts, &domain})
    if (!*one) return one->error();
  for (const auto* one : {&subject, &plain, &html})
    if (!*one) return one->error();
  for (const auto* one : {&from, &until})
    if (!*one) return one->error();
  if (*contacts)
    return invalid("restrictToContacts: answers cannot be restricted to contacts here; use restrictToDomain");
  out.enabled = *enabled;
  out.subject = std::move(*subject);
  out.text = std::move(*plain);
  out.html = std::move(*html);
  out.from = *from;
  out.until = *until;
  if (*domain) out.only_domain = own_address.substr(own_address.rfind('@') + 1);
  if (out.enabled && out.subject.empty() && out.text.empty() && out.html.empty())
    return invalid("Either responseSubject or a response body is needed");
  return out;
}

Task<Result<value>> get_vacation(CallPtr call) {
  const auto settings = sieve::settings(call->services.store, call->account());
  if (!settings) co_return settings.error();
  co_return value(vacation_resource(settings->vacation));
}

Task<Result<value>> update_vacation(CallPtr call) {
  const auto wanted = vacation_of(call->body, call->caller.account.name);
  if (!wanted) co_return wanted.error();
  const Edit edit = [wanted = *wanted](Settings& settings, const store::Reader&) -> Result<void> {
    settings.vacation = wanted;
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(vacation_resource(done->vacation));
}

// --- language, IMAP, POP ---------------------------------------------------------------------------------------------

object language_resource(const Settings& settings) {
  object out;
  out["displayLanguage"] = settings.language.empty() ? "en" : settings.language;
  return out;
}

Task<Result<value>> get_language(CallPtr call) {
  const auto settings = sieve::settings(call->services.store, call->account());
  if (!settings) co_return settings.error();
  co_return value(language_resource(*settings));
}

Task<Result<value>> update_language(CallPtr call) {
  if (const auto known = only_members(call->body, {"displayLanguage"}); !known) co_return known.error();
  const auto language = string_of(call->body, "displayLanguage");
  if (!language) co_return language.error();
  if (language->empty()) co_return invalid("displayLanguage: a tag such as ko or en-GB is needed");
  const Edit edit = [language = *language](Settings& settings, const store::Reader&) -> Result<void> {
    settings.language = language;
    return {};
  };
  Task<Result<Settings>> editing = edit_settings(call, edit);
  const auto done = co_await editing;
  if (!done) co_return done.error();
  co_return value(language_resource(*done));
}

// How IMAP and POP3 work here, for everybody: they can be asked for, and set to what they are.
object imap_resource() {
  object out;
  out["enabled"] = true;
  out["autoExpunge"] = false;
  out["expungeBehavior"] = "deleteForever";
  out["maxFolderSize"] = 0;
  return out;
}
object pop_resource() {
  object out;
  out["accessWindow"] = "allMail";
  out["disposition"] = "leaveInInbox";
  return out;
}

Result<object> unchangeable(const value& body, object as_it_is, std::string_view what) {
  if (!body.is_object()) return invalid("a body is needed");
  for (const auto& [name, given] : body.get_object()) {
    const value* here = as_it_is.if_contains(name);
    if (!here) return invalid("Unknown name \"" + std::string(name) + "\"");
    if (given != *here)
      return invalid(std::string(name) + " is " + api::to_text(*here) +
                     " here and cannot be changed: " + std::string(what) + " works alike for all accounts");
  }
  return as_it_is;
}

Task<Result<value>> get_imap(CallPtr) { co_return value(imap_resource()); }
Task<Result<value>> get_pop(CallPtr) { co_return value(pop_resource()); }
Task<Result<value>> update_imap(CallPtr call) { co_return as_value(unchangeable(call->body, imap_resource(), "IMAP")); }
Task<Result<value>> update_pop(CallPtr call) { co_return as_value(unchangeable(call->body, pop_resource(), "POP3")); }

}  // namespace

Task<Result<Settings>> edit_settings(CallPtr call, Edit edit) {
  for (int i = 0; i < kTries; ++i) {
    const std::function<Result<Edited>()> make = [call, edit]() -> Result<Edited> {
      const Services& services = call->services;
      const auto moment = services.store.snapshot();
      auto settings = sieve::settings(*moment, call->account());
      if (!settings) return settings.error();
      if (const auto done = edit(*settings, *moment); !done) return done.error();
      const sieve::NameOf name_of = [&](mailbox::MailboxId id) -> std::optional<std::string> {
        const auto box = services.mailboxes.get(*moment, call->account(), id);
        return box && *box ? std::optional((*box)->name) : std::nullopt;
      };
      auto ready = sieve::make_ready(std::move(*settings), name_of, services.clock.now());
      if (!ready) return ready.error();
      return Edited{std::move(*ready)};
    };
    Task<Result<Edited>> making = run<Edited>(&call->services, call->request.loop, make);
    const auto edited = co_await making;
    if (!edited) co_return edited.error();
    const auto stored = std::make_shared<Settings>();
    const store::Work work = [call, ready = edited->ready, stored](store::Transaction& t) -> Result<void> {
      auto put = sieve::put_settings(t, call->account(), ready);
      if (!put) return put.error();
      *stored = std::move(*put);
      return {};
    };
    Task<Result<void>> committing = commit(call, work);
    const Result<void> done = co_await committing;
    if (done) co_return std::move(*stored);
    if (done.code() != Code::kConflict) co_return done.error();
  }
  co_return Error{Code::kUnavailable, "the settings change all the time; try again"};
}

Result<void> only_members(const value& body, std::initializer_list<std::string_view> names) {
  if (!body.is_object()) return invalid("a body is needed");
  for (const auto& [name, member] : body.get_object())
    if (std::find(names.begin(), names.end(), std::string_view(name)) == names.end())
      return invalid("Unknown name \"" + text::printable(name, 100) + "\"");
  return {};
}

Result<bool> bool_of(const value& body, std::string_view name, bool usual) {
  const value* found = api::member(body, name);
  if (!found || found->is_null()) return usual;
  if (!found->is_bool()) return invalid(std::string(name) + ": true or false is needed");
  return found->get_bool();
}

Result<std::string> string_of(const value& body, std::string_view name, std::string usual) {
  const value* found = api::member(body, name);
  if (!found || found->is_null()) return usual;
  if (!found->is_string()) return invalid(std::string(name) + ": a string is needed");
  return std::string(found->get_string());
}

Result<std::optional<int64_t>> number_of(const value& body, std::string_view name) {
  const value* found = api::member(body, name);
  if (!found || found->is_null()) return std::optional<int64_t>();
  if (found->is_int64()) return std::optional(found->get_int64());
  if (found->is_string())
    if (const auto number = text::parse_u64(found->get_string()); number && *number <= INT64_MAX)
      return std::optional(static_cast<int64_t>(*number));
  return invalid(std::string(name) + ": a whole number is needed");
}

void add_settings(web::Router& router, Services& services) {
  add(router, services, "GET", "/settings/vacation", Need::kReadSettings, get_vacation);
  add(router, services, "PUT", "/settings/vacation", Need::kSettings, update_vacation);
  add(router, services, "GET", "/settings/language", Need::kReadSettings, get_language);
  add(router, services, "PUT", "/settings/language", Need::kSettings, update_language);
  add(router, services, "GET", "/settings/imap", Need::kReadSettings, get_imap);
  add(router, services, "PUT", "/settings/imap", Need::kSettings, update_imap);
  add(router, services, "GET", "/settings/pop", Need::kReadSettings, get_pop);
  add(router, services, "PUT", "/settings/pop", Need::kSettings, update_pop);
}

}  // namespace pabal::gmail
