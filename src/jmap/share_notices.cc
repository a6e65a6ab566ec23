// ShareNotification (RFC 9670 §3): that somebody may do more or less with a mailbox than before. sharing/notices.h
// leaves them.
#include "jmap/boxes.h"
#include "jmap/collection.h"
#include "jmap/ids.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"
#include "jmap/principals.h"
#include "sharing/notices.h"

namespace pabal::jmap {
namespace {

const Type& notice_type() {
  static const Type type{
      objects::Kind::kShareNotice,
      "N",
      {"id", "created", "changedBy", "objectType", "objectAccountId", "objectId", "oldRights", "newRights", "name"}};
  return type;
}

constexpr const char* kAlone = "notices are their receiver's alone";

json::value rights_or_null(mailbox::Rights rights, mailbox::Role role) {
  return rights ? json::value(rights_object(rights, role)) : json::value(nullptr);
}

json::object shaped(const objects::Object& object, json::object) {
  json::object out;
  const auto notice = sharing::decode_notice(object.value);
  if (!notice) return out;
  json::object by;
  by["name"] = notice->by ? notice->by_name : "the operator of this server";
  by["email"] = notice->by ? json::value(notice->by_name) : json::value(nullptr);
  by["principalId"] =
      notice->by ? json::value(principal_id({mailbox::Grantee::Kind::kAccount, notice->by, ""})) : json::value(nullptr);
  out["created"] = utc_date(std::chrono::floor<seconds>(notice->created));
  out["changedBy"] = std::move(by);
  out["objectType"] = "Mailbox";
  out["objectAccountId"] = account_id(notice->owner);
  out["objectId"] = mailbox_id(notice->mailbox);
  out["oldRights"] = rights_or_null(notice->before, notice->role);
  out["newRights"] = rights_or_null(notice->after, notice->role);
  out["name"] = notice->name;
  return out;
}

std::optional<Failure> check(const json::object& condition) {
  Fields in(condition);
  for (const auto& [name, value] : condition) {
    if (name == "after" || name == "before")
      in.utc_date(name);
    else if (name == "objectType" || name == "objectAccountId")
      in.string(name);
    else
      return Failure{"unsupportedFilter", "there is no condition \"" + std::string(name) + "\""};
  }
  return in.bad_arguments();
}

bool matches(const json::object& notice, const json::object& condition) {
  Fields in(condition);
  const Time created = parse_utc_date(text_of(notice, "created")).value_or(Time());
  const auto after = in.utc_date("after"), before = in.utc_date("before");
  if ((after && created < *after) || (before && created >= *before)) return false;
  for (const char* name : {"objectType", "objectAccountId"})
    if (const auto wanted = in.string(name); wanted && *wanted != text_of(notice, name)) return false;
  return true;
}

Answer read(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  const std::string verb = call.name().substr(call.name().find('/'));
  if (verb == "/get") return get_objects(call, notice_type(), shaped);
  if (verb == "/changes") return object_changes(call, notice_type());
  const Querying how{notice_type(), shaped, {"created"}, check, matches, text_of};
  return query_objects(call, how, verb == "/queryChanges");
}

class NoticeSetter final : public CollectionSetter {
 public:
  using CollectionSetter::CollectionSetter;

 protected:
  Or<json::object> checked(store::Transaction&, const json::object*, json::object) override {
    return Failure{"forbidden", "notices can only be destroyed"};
  }
};

Task<Answer> set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  NoticeSetter setter(call, notice_type());
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  co_return answer;
}

}  // namespace

void add_share_notices(Methods& methods) {
  const std::string name(kPrincipals);
  for (const char* verb : {"get", "changes", "query", "queryChanges"})
    methods.add(Method{"ShareNotification/" + std::string(verb), name, read});
  methods.add(Method{"ShareNotification/set", name, {}, set, {identity::kMailModify}});
}

}  // namespace pabal::jmap
