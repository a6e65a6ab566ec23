#include "jmap/sieve_scripts.h"

#include <algorithm>

#include "base/codec.h"
#include "base/text.h"
#include "jmap/jmap.h"
#include "jmap/modules.h"

namespace pabal::jmap {
namespace {

constexpr std::string_view kSieve = "urn:ietf:params:jmap:sieve";

const Type& script_type() {
  static const Type type{objects::Kind::kScript, "V", {"id", "name", "blobId", "isActive"}};
  return type;
}

constexpr const char* kAlone = "scripts are their owner's";

// A script with its id.
struct Script {
  objects::ObjectId id = 0;
  sieve::ScriptInfo info;
  json::object shown() const {
    const std::string text = object_id(script_type(), id);
    return {{"id", text}, {"name", info.name}, {"blobId", text}, {"isActive", info.active}};
  }
};

// Ids by names. A value is the name of its script.
Result<std::map<std::string, objects::ObjectId>> ids_by_name(const store::Reader& r, mailbox::AccountId account) {
  std::map<std::string, objects::ObjectId> out;
  const auto done = objects::each(r, account, objects::Kind::kScript, [&](objects::Object&& object) {
    out[object.value] = object.id;
    return true;
  });
  if (!done) return done.error();
  return out;
}

Result<std::vector<Script>> scripts_of(const Services& services, const store::Reader& r, mailbox::AccountId account) {
  const auto list = services.scripts.list(r, account);
  if (!list) return list.error();
  const auto ids = ids_by_name(r, account);
  if (!ids) return ids.error();
  std::vector<Script> out;
  for (const sieve::ScriptInfo& info : *list)
    if (const auto id = ids->find(info.name); id != ids->end()) out.push_back({id->second, info});
  return out;
}

Result<std::string> state_of_scripts(const store::Reader& r, mailbox::AccountId account) {
  const auto state = sieve::scripts_state(r, account);
  if (!state) return state.error();
  return std::to_string(*state);
}

// Gives ids to scripts that came by another way, and takes those of scripts that are gone.
Result<bool> bring_in_step(const Services& services, const store::Reader& r, store::Transaction* t,
                           mailbox::AccountId account) {
  const auto list = services.scripts.list(r, account);
  if (!list) return list.error();
  auto ids = ids_by_name(r, account);
  if (!ids) return ids.error();
  bool changed = false;
  for (const sieve::ScriptInfo& one : *list) {
    if (ids->erase(one.name)) continue;
    changed = true;
    if (t)
      if (const auto id = objects::add(*t, account, objects::Kind::kScript, one.name); !id) return id.error();
  }
  for (const auto& [name, id] : *ids) {
    changed = true;
    if (t)
      if (const auto gone = objects::remove(*t, account, objects::Kind::kScript, id); !gone) return gone.error();
  }
  return changed;
}

Task<std::optional<Failure>> keep_ids(Call& call) {
  const mailbox::AccountId account = call.account().id;
  const Services& services = call.services();
  const auto due = bring_in_step(services, call.reader(), nullptr, account);
  if (!due) co_return failure_of(due.error());
  if (!*due) co_return std::nullopt;
  store::Work work = [&services, account](store::Transaction& t) -> Result<void> {
    const auto done = bring_in_step(services, t, &t, account);
    return done ? Result<void>() : done.error();
  };
  Task<Result<void>> committing = call.commit(work);
  const Result<void> done = co_await committing;
  if (!done) co_return failure_of(done.error());
  co_return std::nullopt;
}

// --- /set -----------------------------------------------------------------------------------------------------------

struct Text {
  std::string text;
  std::shared_ptr<const sieve::Program> program;
  std::optional<Failure> failure;
};

Text compiled(Call& call, const std::string& blob_id) {
  Text out;
  auto blob = read_blob(call.services(), call.reader(), call.account(), call.id_of(blob_id));
  if (!blob)
    out.failure = failure_of(blob.error());
  else if (!*blob)
    out.failure = Failure{"blobNotFound", "there is no such blob", {{"notFound", json::array{blob_id}}}};
  else if ((*blob)->octets.size() > sieve::kMaxScriptBytes)
    out.failure = Failure{"tooLarge", "a script has a megabyte at most"};
  if (out.failure) return out;
  out.text = std::move((*blob)->octets);
  auto result = sieve::compile(out.text);
  if (!result.ok()) out.failure = Failure{"invalidSieve", sieve::in_lines(result.faults)};
  out.program = std::move(result.program);
  return out;
}

class ScriptSetter final : public Setter {
 public:
  ScriptSetter(Call& call, const std::map<std::string, Text>& texts) : call_(call), texts_(texts) {}
  Result<std::string> state(const store::Reader& r) override { return state_of_scripts(r, account()); }

  Or<json::object> create(store::Transaction& t, const std::string&, const json::object& object) override {
    Fields in(object);
    auto name = in.string("name");
    const auto blob = in.string("blobId");
    if (!blob) in.note("blobId");
    for (const auto& [key, value] : object)
      if (key != "name" && key != "blobId") in.note(key);
    if (const auto bad = in.bad_properties()) return *bad;
    const auto ids = ids_by_name(t, account());
    if (!ids) return failure_of(ids.error());
    for (size_t n = 1; !name || name->empty(); ++n)
      if (std::string made = "script " + std::to_string(n); !ids->contains(made)) name = std::move(made);
    if (const auto known = ids->find(*name); known != ids->end())
      return Failure{
          "alreadyExists", "there is a script of that name", {{"existingId", object_id(script_type(), known->second)}}};
    if (auto failed = put(t, *name, *blob)) return *failed;
    const auto id = objects::add(t, account(), objects::Kind::kScript, *name);
    if (!id) return failure_of(id.error());
    return Script{*id, {*name, 0, {}, false}}.shown();
  }

  Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) override {
    const auto found = find(t, id);
    if (!found) return found.failure();
    std::string name = found->info.name;
    Fields in(patch);
    for (const auto& [key, value] : patch) {
      const bool same = (key == "id" && value == json::value(id)) || (key == "isActive" && value == found->info.active);
      if (key != "name" && key != "blobId" && !same) in.note(key);
    }
    const auto wanted = in.string("name");
    const auto blob = in.string("blobId");
    if ((patch.contains("name") && !wanted) || (patch.contains("blobId") && !blob)) in.note("name");
    if (const auto bad = in.bad_properties()) return *bad;
    if (wanted && *wanted != name) {
      const auto renamed = services().scripts.rename(t, account(), name, *wanted);
      if (!renamed && renamed.code() == Code::kExists) return Failure{"alreadyExists", renamed.error().message};
      if (!renamed) return failure_of(renamed.error());
      if (const auto put = objects::put(t, account(), objects::Kind::kScript, found->id, *wanted); !put)
        return failure_of(put.error());
      name = *wanted;
    }
    if (!blob || *blob == id) return json::object();
    if (auto failed = put(t, name, *blob)) return *failed;
    return json::object{{"blobId", id}};
  }

  std::optional<Failure> destroy(store::Transaction& t, const std::string& id) override {
    const auto found = find(t, id);
    if (!found) return found.failure();
    const auto gone = services().scripts.remove(t, account(), found->info.name);
    if (!gone && gone.code() == Code::kDenied) return Failure{"sieveIsActive", gone.error().message};
    if (!gone) return failure_of(gone.error());
    if (const auto removed = objects::remove(t, account(), objects::Kind::kScript, found->id); !removed)
      return failure_of(removed.error());
    return {};
  }

 private:
  const Services& services() const { return call_.services(); }
  mailbox::AccountId account() const { return call_.account().id; }
  Or<Script> find(const store::Reader& r, const std::string& id) const {
    const auto all = scripts_of(services(), r, account());
    if (!all) return failure_of(all.error());
    for (const Script& one : *all)
      if (object_id(script_type(), one.id) == id) return one;
    return Failure{"notFound"};
  }
  std::optional<Failure> put(store::Transaction& t, const std::string& name, const std::string& blob) const {
    const auto text = texts_.find(blob);
    if (text == texts_.end()) return Failure{"serverFail", "the blob was not read"};
    if (text->second.failure) return text->second.failure;
    const auto done = services().scripts.put(t, account(), name, text->second.text, *text->second.program);
    if (!done && done.code() == Code::kInvalid) return invalid_properties({"name"}, done.error().message);
    if (!done) return failure_of(done.error());
    return {};
  }

  Call& call_;
  const std::map<std::string, Text>& texts_;
};

// onSuccessActivateScript and onSuccessDeactivateScript (RFC 9661 §2.3). `id`: empty to deactivate.
Task<void> activate(Call& call, std::string id, json::object& answer) {
  for (const char* failed : {"notCreated", "notUpdated", "notDestroyed"})
    if (!answer[failed].is_null()) co_return;
  const mailbox::AccountId account = call.account().id;
  const Services& services = call.services();
  const auto before = scripts_of(services, call.reader(), account);
  if (!before) co_return;
  std::string name;
  for (const Script& one : *before)
    if (object_id(script_type(), one.id) == id) name = one.info.name;
  if (!id.empty() && name.empty()) co_return;
  store::Work work = [&services, account, name](store::Transaction& t) {
    return services.scripts.activate(t, account, name);
  };
  Task<Result<void>> committing = call.commit(work);
  const Result<void> done = co_await committing;
  if (!done) co_return;
  for (const Script& one : *before) {
    const bool active = one.info.name == name;
    if (active == one.info.active) continue;
    const std::string changed = object_id(script_type(), one.id);
    if (!answer["updated"].is_object()) answer["updated"] = json::object();
    json::value& told = answer["updated"].as_object()[changed];
    if (!told.is_object()) told = json::object();
    told.as_object()["isActive"] = active;
  }
  if (const auto state = state_of_scripts(call.reader(), account)) answer["newState"] = *state;
}

Task<Answer> script_set(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Fields in(call.arguments);
  const auto wanted = in.string("onSuccessActivateScript");
  const bool deactivate = in.boolean("onSuccessDeactivateScript", false);
  std::set<std::string> blobs;
  for (const char* kind : {"create", "update"})
    if (const json::object* all = in.object(kind))
      for (const auto& [id, object] : *all)
        if (const json::string* blob = api::string_member(object, "blobId")) blobs.emplace(*blob);
  if (const auto bad = in.bad_arguments()) co_return *bad;
  Task<std::optional<Failure>> keeping = keep_ids(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  // Compiled before, so that the transaction is short.
  std::map<std::string, Text> texts;
  std::function<Result<bool>()> compiling = [&call, &blobs, &texts]() -> Result<bool> {
    for (const std::string& blob : blobs) texts[blob] = compiled(call, blob);
    return true;
  };
  Task<Result<bool>> working = net::run_on<bool>(call.services().pool, call.loop(), compiling);
  const Result<bool> ran = co_await working;
  if (!ran) co_return failure_of(ran.error());
  ScriptSetter setter(call, texts);
  Task<Answer> setting = run_set(call, setter);
  Answer answer = co_await setting;
  if (answer && (wanted || deactivate)) {
    Task<void> activating = activate(call, wanted ? call.id_of(*wanted) : std::string(), *answer);
    co_await activating;
  }
  co_return answer;
}

// --- reading --------------------------------------------------------------------------------------------------------

Answer get_scripts(Call& call) {
  const auto asked = read_get(call, script_type().properties);
  if (!asked) return asked.failure();
  const auto scripts = scripts_of(call.services(), call.reader(), call.account().id);
  const auto state = state_of_scripts(call.reader(), call.account().id);
  if (!scripts || !state) return failure_of(scripts ? state.error() : scripts.error());
  json::array list, not_found;
  const auto give = [&](const Script& one) {
    json::object some;
    for (const auto& [name, value] : one.shown())
      if (asked->wants(name)) some[name] = value;
    list.emplace_back(std::move(some));
  };
  if (!asked->ids)
    for (const Script& one : *scripts) give(one);
  for (const std::string& id : asked->ids.value_or(std::vector<std::string>())) {
    const auto found = std::find_if(scripts->begin(), scripts->end(),
                                    [&](const Script& one) { return object_id(script_type(), one.id) == id; });
    if (found == scripts->end())
      not_found.emplace_back(id);
    else
      give(*found);
  }
  return get_answer(call, *state, std::move(list), std::move(not_found));
}

Answer query_scripts(Call& call) {
  const auto asked = read_query(call, {"name", "isActive"});
  if (!asked) return asked.failure();
  std::optional<Failure> bad;
  asked->filter.each([&](const json::object& condition) {
    for (const auto& [name, value] : condition)
      if (!(name == "name" && value.is_string()) && !(name == "isActive" && value.is_bool()))
        bad = Failure{"unsupportedFilter", "a script is looked for by name or isActive"};
  });
  if (bad) return *bad;
  auto scripts = scripts_of(call.services(), call.reader(), call.account().id);
  const auto state = state_of_scripts(call.reader(), call.account().id);
  if (!scripts || !state) return failure_of(scripts ? state.error() : scripts.error());
  std::erase_if(*scripts, [&](const Script& one) {
    return !asked->filter.holds([&](const json::object& condition) {
      const json::value* name = condition.if_contains("name");
      const json::value* active = condition.if_contains("isActive");
      return (!name || text::lowered(one.info.name).find(text::lowered(name->as_string())) != std::string::npos) &&
             (!active || *active == one.info.active);
    });
  });
  std::sort(scripts->begin(), scripts->end(), [&](const Script& a, const Script& b) {
    for (const Comparator& by : asked->sort) {
      const std::string left = by.property == "name" ? a.info.name : a.info.active ? "1" : "0";
      const std::string right = by.property == "name" ? b.info.name : b.info.active ? "1" : "0";
      if (left != right) return (left < right) == by.ascending;
    }
    return a.id < b.id;
  });
  std::vector<std::string> ids;
  for (const Script& one : *scripts) ids.push_back(object_id(script_type(), one.id));
  return query_answer(call, *asked, *state, false, ids);
}

Task<Answer> script_read(Call& call) {
  if (const auto other = not_own(call, kAlone)) co_return *other;
  Task<std::optional<Failure>> keeping = keep_ids(call);
  const auto failed = co_await keeping;
  if (failed) co_return *failed;
  co_return call.name() == "SieveScript/get" ? get_scripts(call) : query_scripts(call);
}

// RFC 9661 §2.5.
Answer validate(Call& call) {
  if (const auto other = not_own(call, kAlone)) return *other;
  Fields in(call.arguments);
  const auto blob = in.string("blobId");
  if (!blob) in.note("blobId");
  if (const auto bad = in.bad_arguments()) return *bad;
  const Text text = compiled(call, *blob);
  if (text.failure && text.failure->type != "invalidSieve" && text.failure->type != "tooLarge") return *text.failure;
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["error"] = text.failure ? json::value(text.failure->object()) : json::value(nullptr);
  return out;
}

}  // namespace

Result<std::optional<Blob>> read_script(const Services& services, const store::Reader& r, mailbox::AccountId account,
                                        std::string_view id) {
  const auto number = object_number(script_type(), id);
  const auto found =
      number ? objects::get(r, account, objects::Kind::kScript, *number) : std::optional<objects::Object>();
  if (!found) return found.error();
  if (!*found) return std::optional<Blob>();
  auto text = services.scripts.text(r, account, (*found)->value);
  if (!text && text.code() == Code::kNotFound) return std::optional<Blob>();
  if (!text) return text.error();
  return std::optional(Blob{std::move(*text), "application/sieve"});
}

void add_sieve_scripts(Methods& methods) {
  Capability capability;
  capability.name = kSieve;
  capability.of_server = [](const Services&) { return json::object{{"implementation", "Pabal"}}; };
  capability.of_account = [](const Services&, const Account& account) -> std::optional<json::object> {
    if (!account.own) return {};
    json::array extensions;
    for (const std::string_view one : sieve::extensions()) extensions.emplace_back(one);
    json::object out;
    out["maxSizeScriptName"] = sieve::kMaxScriptName;
    out["maxSizeScript"] = sieve::kMaxScriptBytes;
    out["maxNumberScripts"] = sieve::kMaxScripts;
    out["maxNumberRedirects"] = sieve::Limits{}.redirects;
    out["sieveExtensions"] = std::move(extensions);
    out["notificationMethods"] = json::array{sieve::kNotifyMethods};
    out["externalLists"] = nullptr;
    return out;
  };
  methods.add(capability);
  const std::string sieve(kSieve);
  const std::string_view settings = identity::kMailSettings, settings_read = identity::kMailSettingsRead;
  methods.add(Method{"SieveScript/get", sieve, {}, script_read, {settings_read}});
  methods.add(Method{"SieveScript/query", sieve, {}, script_read, {settings_read}});
  methods.add(Method{
      "SieveScript/set", sieve, {}, script_set, {settings}, "onSuccessActivateScript onSuccessDeactivateScript"});
  methods.add(Method{"SieveScript/validate", sieve, validate, {}, {settings_read}, "blobId"});
}

}  // namespace pabal::jmap
