// VacationResponse (RFC 8621 §8): one object an account, a face of its mail settings (sieve/settings.h), as Gmail's API
// is. Its state is their revision.
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/standard.h"
#include "sieve/settings.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kVacation = "urn:ietf:params:jmap:vacationresponse";
constexpr std::string_view kSingleton = "singleton";
constexpr int kTries = 5;  // where others change the settings at the same time

const std::set<std::string>& properties() {
  static const std::set<std::string> names = {"id",      "isEnabled", "fromDate", "toDate",
                                              "subject", "textBody",  "htmlBody"};
  return names;
}

json::value text_or_null(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }
json::value date_or_null(const std::optional<Time>& date) {
  return date ? json::value(utc_date(*date)) : json::value(nullptr);
}

json::object object_of(const sieve::VacationAnswer& v) {
  json::object out;
  out["id"] = kSingleton;
  out["isEnabled"] = v.enabled;
  out["fromDate"] = date_or_null(v.from);
  out["toDate"] = date_or_null(v.until);
  out["subject"] = text_or_null(v.subject);
  out["textBody"] = text_or_null(v.text);
  out["htmlBody"] = text_or_null(v.html);
  return out;
}

constexpr const char* kAlone = "the vacation response is its owner's alone to see";

Answer get(Call& call) {
  if (const auto refused = not_own(call, kAlone)) return *refused;
  const auto asked = read_get(call, properties());
  if (!asked) return asked.failure();
  const auto settings = sieve::settings(call.reader(), call.account().id);
  if (!settings) return failure_of(settings.error());
  json::array list, not_found;
  const json::object whole = object_of(settings->vacation);
  const auto give = [&] {
    json::object some;
    for (const auto& [name, value] : whole)
      if (asked->wants(name)) some[name] = value;
    list.push_back(std::move(some));
  };
  if (!asked->ids) give();
  for (const std::string& id : asked->ids.value_or(std::vector<std::string>())) {
    if (id == kSingleton)
      give();
    else
      not_found.emplace_back(id);
  }
  return get_answer(call, std::to_string(settings->revision), std::move(list), std::move(not_found));
}

std::optional<Failure> read_vacation(const json::object& from, sieve::VacationAnswer& into) {
  Fields in(from);
  for (const auto& [name, value] : from)
    if (!properties().contains(std::string(name))) in.note(name);
  if (in.string("id") != kSingleton) in.note("id");
  if (!in.value("isEnabled")) in.note("isEnabled");
  into.enabled = in.boolean("isEnabled", false);
  into.from = in.utc_date("fromDate");
  into.until = in.utc_date("toDate");
  into.subject = in.string("subject").value_or("");
  into.text = in.string("textBody").value_or("");
  into.html = in.string("htmlBody").value_or("");
  return in.bad_properties();
}

// The settings with the patch, compiled: before the transaction.
Or<sieve::ReadySettings> make_ready(Call& call, const json::object& patch) {
  const mailbox::AccountId account = call.account().id;
  const store::Reader& r = call.reader();
  auto settings = sieve::settings(r, account);
  if (!settings) return failure_of(settings.error());
  const auto wanted = patched(object_of(settings->vacation), patch);
  if (!wanted) return wanted.failure();
  if (const auto bad = read_vacation(*wanted, settings->vacation)) return *bad;
  const sieve::NameOf name_of = [&](mailbox::MailboxId box) -> std::optional<std::string> {
    const auto found = call.services().mailboxes.get(r, account, box);
    return found && *found ? std::optional((*found)->name) : std::nullopt;
  };
  auto ready = sieve::make_ready(std::move(*settings), name_of, call.services().clock.now());
  if (ready) return std::move(*ready);
  if (ready.code() == Code::kLimit) return Failure{"invalidProperties", ready.error().message};
  return failure_of(ready.error());
}

class VacationSetter final : public Setter {
 public:
  explicit VacationSetter(Call& call) : call_(call) {}
  std::optional<Or<sieve::ReadySettings>> ready;  // of the update of the one there is, if that is asked for
  bool overtaken = false;                         // somebody else has changed the settings since

  void begin() override { overtaken = false; }
  Result<std::string> state(const store::Reader& r) override {
    const auto settings = sieve::settings(r, call_.account().id);
    if (!settings) return settings.error();
    return std::to_string(settings->revision);
  }
  Or<json::object> create(store::Transaction&, const std::string&, const json::object&) override { return single(); }
  std::optional<Failure> destroy(store::Transaction&, const std::string& id) override {
    if (id == kSingleton) return single();
    return Failure{"notFound"};
  }
  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object&) override {
    if (id != kSingleton || !ready) return Failure{"notFound"};
    if (!*ready) return ready->failure();
    const auto put = sieve::put_settings(t, call_.account().id, **ready);
    overtaken = !put && put.code() == Code::kConflict;
    if (!put) return failure_of(put.error());
    return json::object();
  }

 private:
  static Failure single() { return {"singleton", "there is one vacation response, which cannot be made or destroyed"}; }

  Call& call_;
};

Task<Answer> set(Call& call) {
  if (const auto refused = not_own(call, kAlone)) co_return *refused;
  const json::value whole(call.arguments);
  const json::value* update = api::member(whole, "update");
  const json::value* patch = update && update->is_object() ? api::member(*update, kSingleton) : nullptr;
  for (int i = 0;; ++i) {
    VacationSetter setter(call);
    if (patch && patch->is_object()) {
      std::function<Result<Or<sieve::ReadySettings>>()> making = [&call, patch]() -> Result<Or<sieve::ReadySettings>> {
        return make_ready(call, patch->as_object());
      };
      Task<Result<Or<sieve::ReadySettings>>> working =
          net::run_on<Or<sieve::ReadySettings>>(call.services().pool, call.loop(), making);
      Result<Or<sieve::ReadySettings>> ready = co_await working;
      if (!ready) co_return failure_of(ready.error());
      setter.ready = std::move(*ready);
    }
    Task<Answer> running = run_set(call, setter);
    Answer answer = co_await running;
    if (answer || !setter.overtaken || i == kTries) co_return answer;
    call.read_anew();
  }
}

}  // namespace

void add_vacation(Methods& methods) {
  Capability capability;
  capability.name = kVacation;
  capability.of_account = [](const Services&, const Account& account) -> std::optional<json::object> {
    if (!account.own) return {};
    return json::object();
  };
  methods.add(capability);
  methods.add(Method{"VacationResponse/get", std::string(kVacation), get, {}, {identity::kMailSettingsRead}});
  methods.add(Method{"VacationResponse/set", std::string(kVacation), {}, set, {identity::kMailSettings}});
}

}  // namespace pabal::jmap
