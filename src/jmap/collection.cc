#include "jmap/collection.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::jmap {

std::string object_id(const Type& type, objects::ObjectId id) { return type.letter + std::to_string(id); }

std::optional<objects::ObjectId> object_number(const Type& type, std::string_view id) {
  if (!id.starts_with(type.letter)) return {};
  id.remove_prefix(type.letter.size());
  const auto number = text::parse_u64(id);
  return number && std::to_string(*number) == id ? number : std::nullopt;
}

std::string state_of(objects::ModSeq modseq) { return std::to_string(modseq); }

json::object stored_json(const objects::Object& object) {
  auto parsed = api::parse_json(object.value);
  return parsed && parsed->is_object() ? std::move(parsed->as_object()) : json::object();
}

Answer get_objects(Call& call, const Type& type, const Shape& shape) {
  const auto asked = read_get(call, type.properties);
  if (!asked) return asked.failure();
  const mailbox::AccountId account = call.account().id;
  const store::Reader& r = call.reader();
  const auto state = objects::state(r, account, type.kind);
  if (!state) return failure_of(state.error());
  json::array list, not_found;
  bool too_many = false;
  const auto give = [&](const objects::Object& object) {
    json::object whole = shape(object, stored_json(object)), some;
    some["id"] = object_id(type, object.id);
    for (auto& [name, value] : whole)
      if (asked->wants(name)) some[name] = std::move(value);
    list.emplace_back(std::move(some));
  };
  if (asked->ids) {
    for (const std::string& id : *asked->ids) {
      const auto number = object_number(type, id);
      const auto found = number ? objects::get(r, account, type.kind, *number) : std::optional<objects::Object>();
      if (!found) return failure_of(found.error());
      if (*found)
        give(**found);
      else
        not_found.emplace_back(id);
    }
  } else {
    const auto done = objects::each(r, account, type.kind, [&](objects::Object&& object) {
      too_many = list.size() >= kMaxObjectsInGet;
      if (!too_many) give(object);
      return !too_many;
    });
    if (!done) return failure_of(done.error());
    if (too_many) return Failure{"requestTooLarge", "there are too many to get them all at once; query for their ids"};
  }
  return get_answer(call, state_of(state->modseq), std::move(list), std::move(not_found));
}

Answer object_changes(Call& call, const Type& type) {
  const auto asked = read_changes(call);
  if (!asked) return asked.failure();
  const auto since = text::parse_u64(asked->since);
  if (!since) return cannot_calculate();
  const uint64_t limit = std::min<uint64_t>(asked->max.value_or(kMaxObjectsInGet), objects::kMaxObjects);
  const auto found = objects::changes(call.reader(), call.account().id, type.kind, *since, limit);
  if (!found) return found.code() == Code::kNotFound ? cannot_calculate() : failure_of(found.error());
  Changes out;
  out.now = state_of(found->to);
  out.more = found->more;
  for (const auto id : found->created) out.created.push_back(object_id(type, id));
  for (const auto id : found->updated) out.updated.push_back(object_id(type, id));
  for (const auto id : found->destroyed) out.destroyed.push_back(object_id(type, id));
  return changes_answer(call, asked->since, std::move(out));
}

Answer query_objects(Call& call, const Querying& how, bool changes) {
  const auto asked = read_query(call, how.sortable, changes);
  if (!asked) return asked.failure();
  std::optional<Failure> bad;
  asked->filter.each([&](const json::object& condition) {
    if (!bad) bad = how.check(condition);
  });
  if (bad) return *bad;
  const mailbox::AccountId account = call.account().id;
  const store::Reader& r = call.reader();
  const auto state = objects::state(r, account, how.type.kind);
  if (!state) return failure_of(state.error());
  std::set<std::string> removed, created;
  if (changes) {
    const auto since = text::parse_u64(asked->since);
    if (!since) return cannot_calculate();
    const auto found = objects::changes(r, account, how.type.kind, *since, SIZE_MAX);
    if (!found) return found.code() == Code::kNotFound ? cannot_calculate() : failure_of(found.error());
    for (const auto id : found->created) created.insert(object_id(how.type, id));
    for (const auto id : found->updated) removed.insert(object_id(how.type, id));
    for (const auto id : found->destroyed) removed.insert(object_id(how.type, id));
  }
  struct One {
    std::string id;
    std::vector<std::string> keys;
  };
  std::vector<One> ones;
  const auto done = objects::each(r, account, how.type.kind, [&](objects::Object&& object) {
    json::object shaped = how.shape(object, stored_json(object));
    One one{object_id(how.type, object.id), {}};
    shaped["id"] = one.id;
    const auto matches = [&](const json::object& condition) { return how.matches(shaped, condition); };
    if (!asked->filter.holds(matches)) return true;
    for (const Comparator& by : asked->sort) one.keys.push_back(how.key(shaped, by.property));
    ones.push_back(std::move(one));
    return true;
  });
  if (!done) return failure_of(done.error());
  std::vector<size_t> order(ones.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    for (size_t i = 0; i < asked->sort.size(); ++i) {
      const int c = ones[a].keys[i].compare(ones[b].keys[i]);
      if (c != 0) return asked->sort[i].ascending ? c < 0 : c > 0;
    }
    return a < b;
  });
  std::vector<std::string> ids;
  for (const size_t i : order) ids.push_back(std::move(ones[i].id));
  if (changes) return query_changes_answer(call, *asked, state_of(state->modseq), ids, removed, created, false);
  return query_answer(call, *asked, state_of(state->modseq), true, ids);
}

// --- /set -----------------------------------------------------------------------------------------------------------

Result<std::string> CollectionSetter::state(const store::Reader& r) {
  const auto state = objects::state(r, account(), type_.kind);
  if (!state) return state.error();
  return state_of(state->modseq);
}

Or<json::object> CollectionSetter::create(store::Transaction& t, const std::string&, const json::object& object) {
  auto stored = checked(t, nullptr, object);
  if (!stored) return stored.failure();
  const auto id = objects::add(t, account(), type_.kind, api::to_text(*stored));
  if (!id) return failure_of(id.error());
  json::object answer = told(*stored);
  answer["id"] = object_id(type_, *id);
  return answer;
}

Or<json::object> CollectionSetter::update(store::Transaction& t, const std::string& id, const json::object& patch) {
  const auto number = object_number(type_, id);
  const auto found = number ? objects::get(t, account(), type_.kind, *number) : std::optional<objects::Object>();
  if (!found) return failure_of(found.error());
  if (!*found) return Failure{"notFound"};
  const json::object before = stored_json(**found);
  json::object whole = before;
  whole["id"] = id;
  auto wanted = patched(whole, patch);
  if (!wanted) return wanted.failure();
  if (const json::value* same = wanted->if_contains("id"); !same || *same != whole["id"])
    return invalid_properties({"id"}, "an id never changes");
  wanted->erase("id");
  auto stored = checked(t, &before, std::move(*wanted));
  if (!stored) return stored.failure();
  if (*stored == before) return json::object();
  if (const auto done = objects::put(t, account(), type_.kind, *number, api::to_text(*stored)); !done)
    return failure_of(done.error());
  return json::object();
}

std::optional<Failure> CollectionSetter::destroy(store::Transaction& t, const std::string& id) {
  const auto number = object_number(type_, id);
  const auto found = number ? objects::get(t, account(), type_.kind, *number) : std::optional<objects::Object>();
  if (!found) return failure_of(found.error());
  if (!*found) return Failure{"notFound"};
  if (auto hindered = leaving(t, *number, stored_json(**found))) return hindered;
  if (const auto done = objects::remove(t, account(), type_.kind, *number); !done) return failure_of(done.error());
  return {};
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found && found->is_string() ? std::string(found->as_string()) : "";
}

}  // namespace pabal::jmap
