#include "jmap/identities.h"

#include <algorithm>

#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "message/address.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kGiven = "given";  // stored only: it is the directory's, not the client's
constexpr size_t kMaxName = 500;              // octets
constexpr size_t kMaxSignature = 100'000;     // octets
constexpr size_t kMaxAddresses = 100;         // of replyTo or bcc
constexpr size_t kMaxIdentities = 500;

json::object identity_json(const std::string& name, const std::string& email, bool given) {
  return {{"name", name}, {"email", email}, {kGiven, given}};
}

json::object shaped(const objects::Object&, json::object stored) {
  const json::value* given = stored.if_contains(kGiven);
  const bool may_delete = !given || !given->is_bool() || !given->as_bool();
  stored.erase(kGiven);
  for (const char* text : {"name", "textSignature", "htmlSignature"})
    if (!stored.contains(text)) stored[text] = "";
  for (const char* list : {"replyTo", "bcc"})
    if (!stored.contains(list)) stored[list] = nullptr;
  stored["mayDelete"] = may_delete;
  return stored;
}

// What the collection lacks or has too much of.
struct Due {
  std::vector<std::string> missing;  // addresses
  std::vector<objects::ObjectId> stale;
  std::string name;  // of the account's person
  bool nothing() const { return missing.empty() && stale.empty(); }
};

Result<Due> due_of(const identity::Directory& directory, const store::Reader& r, mailbox::AccountId id) {
  const auto account = directory.account(r, id);
  if (!account) return account.error();
  if (!*account) return Error{Code::kNotFound, "there is no such account"};
  const std::string& own = (*account)->name;
  Due due;
  due.name = (*account)->display_name;
  due.missing.push_back(own);
  const auto aliases = directory.aliases(r, "");
  if (!aliases) return aliases.error();
  for (const identity::Alias& alias : *aliases)
    if (alias.send_as && std::find(alias.targets.begin(), alias.targets.end(), own) != alias.targets.end() &&
        due.missing.size() < kMaxIdentities)
      due.missing.push_back(alias.address);
  std::set<std::string> have;
  const auto done = objects::each(r, id, objects::Kind::kIdentity, [&](objects::Object&& object) {
    const json::object stored = stored_json(object);
    const json::value whole(stored);
    const json::string* email = api::string_member(whole, "email");
    const json::value* given = stored.if_contains(kGiven);
    const bool theirs = given && given->is_bool() && given->as_bool();
    const bool wanted = email && std::find(due.missing.begin(), due.missing.end(), *email) != due.missing.end();
    if (theirs && !wanted)
      due.stale.push_back(object.id);
    else if (theirs)
      have.emplace(*email);
    return true;
  });
  if (!done) return done.error();
  std::erase_if(due.missing, [&](const std::string& address) { return have.contains(address); });
  return due;
}

bool is_address_list(const json::value& value) {
  if (value.is_null()) return true;
  const json::array* list = value.if_array();
  return list && list->size() <= kMaxAddresses && std::all_of(list->begin(), list->end(), [](const json::value& one) {
           const json::object* address = one.if_object();
           if (!address) return false;
           const json::string* email = api::string_member(one, "email");
           if (!email || !message::parse_addr_spec(*email, true)) return false;
           const json::value* name = address->if_contains("name");
           return address->size() <= 2 &&
                  (!name || name->is_null() || (name->is_string() && name->as_string().size() <= kMaxName));
         });
}

class IdentitySetter final : public CollectionSetter {
 public:
  using CollectionSetter::CollectionSetter;

 protected:
  Or<json::object> checked(store::Transaction& t, const json::object* before, json::object wanted) override {
    std::vector<std::string> bad;
    json::object out;
    if (before && before->contains(kGiven)) out[kGiven] = before->at(kGiven);
    for (auto& [name, value] : wanted) {
      const bool text = value.is_string();
      bool good = false;
      if (name == kGiven)
        good = before && before->contains(kGiven) && before->at(kGiven) == value;
      else if (name == "name")
        good = text && value.as_string().size() <= kMaxName;
      else if (name == "email")
        good = text &&
               (before ? before->at("email") == value : message::parse_addr_spec(value.as_string(), true).has_value());
      else if (name == "textSignature" || name == "htmlSignature")
        good = text && value.as_string().size() <= kMaxSignature;
      else if (name == "replyTo" || name == "bcc")
        good = is_address_list(value);
      else if (name == "mayDelete")
        good = before && value.is_bool();
      if (!good) bad.emplace_back(name);
      if (good && name != "mayDelete" && !value.is_null()) out[name] = std::move(value);
    }
    if (!wanted.contains("email")) bad.emplace_back("email");
    if (!bad.empty()) return invalid_properties(std::move(bad));
    if (before) return out;
    const std::string email(out.at("email").as_string());
    const auto may = call_.services().directory.may_send_as(t, account(), email);
    if (!may) return failure_of(may.error());
    if (!*may) return Failure{"forbiddenFrom", "you may not send as " + email};  // RFC 8621 §6.3
    const auto state = objects::state(t, account(), type_.kind);
    if (!state) return failure_of(state.error());
    if (state->objects >= kMaxIdentities) return Failure{"overQuota", "there are too many identities"};
    return out;
  }
  json::object told(const json::object& stored) const override {
    json::object whole = shaped({}, stored), out;
    for (auto& [name, value] : whole)
      if (!stored.contains(name)) out[name] = value;
    return out;
  }
  std::optional<Failure> leaving(store::Transaction&, objects::ObjectId, const json::object& stored) override {
    if (stored.contains(kGiven)) return Failure{"forbidden", "the identity of an address of yours stays"};
    return {};
  }
};

constexpr const char* kAlone = "mail is sent from one's own account";

Task<Answer> identity_get(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> keeping = keep_identities(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  co_return get_objects(call, identity_type(), shaped);
}

Task<Answer> identity_set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> keeping = keep_identities(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  IdentitySetter setter(call, identity_type());
  Task<Answer> setting = run_set(call, setter);
  co_return co_await setting;
}

Answer identity_changes(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  return object_changes(call, identity_type());
}

}  // namespace

const Type& identity_type() {
  static const Type type{objects::Kind::kIdentity,
                         "I",
                         {"id", "name", "email", "replyTo", "bcc", "textSignature", "htmlSignature", "mayDelete"}};
  return type;
}

Task<std::optional<Failure>> keep_identities(Call& call) {
  const mailbox::AccountId account = call.account().id;
  const identity::Directory& directory = call.services().directory;
  std::function<Result<Due>()> looking = [&call, &directory, account] {
    return due_of(directory, call.reader(), account);
  };
  Task<Result<Due>> working = net::run_on<Due>(call.services().pool, call.loop(), looking);
  const Result<Due> found = co_await working;
  if (!found) co_return failure_of(found.error());
  if (found->nothing()) co_return std::nullopt;
  store::Work keeping = [&directory, account](store::Transaction& t) -> Result<void> {
    const auto due = due_of(directory, t, account);
    if (!due) return due.error();
    for (const auto id : due->stale)
      if (const auto gone = objects::remove(t, account, objects::Kind::kIdentity, id); !gone) return gone;
    for (const std::string& address : due->missing) {
      const std::string text = api::to_text(identity_json(due->name, address, true));
      if (const auto id = objects::add(t, account, objects::Kind::kIdentity, text); !id) return id.error();
    }
    return {};
  };
  Task<Result<void>> committing = call.commit(keeping);
  const Result<void> done = co_await committing;
  if (!done) co_return failure_of(done.error());
  co_return std::nullopt;
}

void add_identities(Methods& methods) {
  // Who may send has to name one.
  const std::vector<std::string_view> seen{identity::kMailRead, identity::kMailSettingsRead, identity::kMailSend};
  methods.add(Method{"Identity/get", std::string(kSubmission), {}, identity_get, seen});
  methods.add(Method{"Identity/changes", std::string(kSubmission), identity_changes, {}, seen});
  methods.add(Method{"Identity/set", std::string(kSubmission), {}, identity_set, {identity::kMailSettings}});
}

}  // namespace pabal::jmap
