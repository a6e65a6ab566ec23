#include "jmap/standard.h"

#include <algorithm>

#include "base/text.h"

namespace pabal::jmap {
namespace {

constexpr size_t kMaxFilterDepth = 16;

json::array as_array(const std::vector<std::string>& ids) {
  json::array out;
  for (const std::string& id : ids) out.emplace_back(id);
  return out;
}

// Nothing: it is broken, and `why` says how.
bool read_filter(const json::value& value, size_t depth, size_t& conditions, Filter& out) {
  const json::object* object = value.if_object();
  if (!object || depth > kMaxFilterDepth) return false;
  const json::value* op = object->if_contains("operator");
  if (!op) {
    out.op = Filter::Op::kCondition;
    out.condition = *object;
    return ++conditions <= kMaxFilterConditions;
  }
  const json::array* children = api::array_member(value, "conditions");
  if (!children) return false;
  if (*op == "AND")
    out.op = Filter::Op::kAnd;
  else if (*op == "OR")
    out.op = Filter::Op::kOr;
  else if (*op == "NOT")
    out.op = Filter::Op::kNot;
  else
    return false;
  for (const json::value& child : *children)
    if (!read_filter(child, depth + 1, conditions, out.children.emplace_back())) return false;
  return true;
}

}  // namespace

// --- /get ---

Or<GetArguments> read_get(Call& call, const std::set<std::string>& known) {
  Fields in(call.arguments);
  GetArguments out;
  const auto ids = in.strings("ids");
  const auto properties = in.strings("properties");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (ids) {
    if (ids->size() > kMaxObjectsInGet)
      return Failure{"requestTooLarge", "at most " + std::to_string(kMaxObjectsInGet) + " ids at once"};
    std::set<std::string> seen;
    out.ids.emplace();
    for (const std::string& id : *ids)
      if (std::string real = call.id_of(id); seen.insert(real).second) out.ids->push_back(std::move(real));
  }
  if (properties) {
    out.properties.emplace(properties->begin(), properties->end());
    for (const std::string& one : *out.properties)
      if (!known.empty() && !known.contains(one)) return invalid_arguments("there is no property \"" + one + "\"");
    out.properties->insert("id");
  }
  return out;
}

json::object get_answer(const Call& call, std::string state, json::array list, json::array not_found) {
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["state"] = std::move(state);
  out["list"] = std::move(list);
  out["notFound"] = std::move(not_found);
  return out;
}

// --- /changes ---

Failure cannot_calculate() {
  return {"cannotCalculateChanges", "the changes since that state are not known here; fetch everything anew"};
}

Or<ChangesArguments> read_changes(Call& call) {
  Fields in(call.arguments);
  ChangesArguments out;
  const auto since = in.string("sinceState");
  if (!since) in.note("sinceState");
  out.max = in.number("maxChanges");
  if (out.max == uint64_t{0}) in.note("maxChanges");
  if (const auto bad = in.bad_arguments()) return *bad;
  out.since = *since;
  return out;
}

json::object changes_answer(const Call& call, const std::string& since, Changes changes) {
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["oldState"] = since;
  out["newState"] = std::move(changes.now);
  out["hasMoreChanges"] = changes.more;
  out["created"] = as_array(changes.created);
  out["updated"] = as_array(changes.updated);
  out["destroyed"] = as_array(changes.destroyed);
  return out;
}

// --- /query ---

bool Filter::holds(const std::function<bool(const json::object&)>& one) const {
  const auto child = [&](const Filter& f) { return f.holds(one); };
  switch (op) {
    case Op::kAnd:
      return std::all_of(children.begin(), children.end(), child);
    case Op::kOr:
      return std::any_of(children.begin(), children.end(), child);
    case Op::kNot:
      return std::none_of(children.begin(), children.end(), child);
    case Op::kCondition:
      return one(condition);
  }
  return false;
}

void Filter::each(const std::function<void(const json::object&)>& visit) const {
  if (op == Op::kCondition) visit(condition);
  for (const Filter& child : children) child.each(visit);
}

Or<QueryArguments> read_query(Call& call, const std::set<std::string>& properties, bool changes) {
  Fields in(call.arguments);
  QueryArguments out;
  if (const json::value* filter = in.value("filter")) {
    size_t conditions = 0;
    if (!read_filter(*filter, 0, conditions, out.filter)) {
      if (conditions > kMaxFilterConditions) return Failure{"unsupportedFilter", "the filter has too many conditions"};
      return invalid_arguments("the filter is neither a FilterOperator nor a FilterCondition, or is too deep");
    }
  }
  if (const json::array* sort = in.array("sort"))
    for (const json::value& one : *sort) {
      const json::object* object = one.if_object();
      if (!object) return invalid_arguments("a Comparator is an object");
      Fields of(*object);
      const auto property = of.string("property");
      Comparator next{property.value_or(""), of.boolean("isAscending", true), of.string("collation").value_or(""),
                      *object};
      if (!property || of.bad_arguments()) return invalid_arguments("a Comparator has a property");
      if (!properties.contains(next.property))
        return Failure{"unsupportedSort", "there is no sorting by \"" + next.property + "\""};
      if (!next.collation.empty() && next.collation != "i;unicode-casemap" && next.collation != "i;ascii-casemap" &&
          next.collation != "i;octet")
        return Failure{"unsupportedSort", "there is no collation \"" + next.collation + "\""};
      if (out.sort.size() < 16) out.sort.push_back(std::move(next));
    }
  out.calculate_total = in.boolean("calculateTotal", false);
  if (changes) {
    const auto since = in.string("sinceQueryState");
    if (!since) in.note("sinceQueryState");
    out.since = since.value_or("");
    out.max_changes = in.number("maxChanges");
    out.up_to_id = in.string("upToId");
  } else {
    out.position = in.integer("position").value_or(0);
    if (auto anchor = in.string("anchor")) out.anchor = call.id_of(*anchor);
    out.anchor_offset = in.integer("anchorOffset").value_or(0);
    out.limit = in.number("limit");
  }
  if (const auto bad = in.bad_arguments()) return *bad;
  return out;
}

Answer query_answer(const Call& call, const QueryArguments& asked, const std::string& state, bool can_calculate_changes,
                    const std::vector<std::string>& ids) {
  const auto total = static_cast<int64_t>(ids.size());
  int64_t position = asked.position;
  if (asked.anchor) {
    const auto found = std::find(ids.begin(), ids.end(), *asked.anchor);
    if (found == ids.end()) return Failure{"anchorNotFound", "the anchor is not among the results"};
    position = std::max<int64_t>(0, found - ids.begin() + asked.anchor_offset);
  } else if (position < 0)
    position = std::max<int64_t>(0, total + position);
  const uint64_t limit = std::min<uint64_t>(asked.limit.value_or(kMaxQueryAnswer), kMaxQueryAnswer);
  json::array some;
  for (int64_t i = position; i < total && some.size() < limit; ++i) some.emplace_back(ids[static_cast<size_t>(i)]);
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["queryState"] = state;
  out["canCalculateChanges"] = can_calculate_changes;
  out["position"] = std::min(position, total);
  out["ids"] = std::move(some);
  if (asked.calculate_total) out["total"] = total;
  if (asked.limit != limit) out["limit"] = limit;
  return out;
}

Answer query_changes_answer(const Call& call, const QueryArguments& asked, const std::string& now,
                            const std::vector<std::string>& ids, const std::set<std::string>& removed,
                            const std::set<std::string>& created, bool immutable) {
  json::array gone, added;
  for (const std::string& id : removed) gone.emplace_back(id);
  // What lies behind the last that the client has need not be told where no change could bring it before.
  size_t end = ids.size();
  if (immutable && asked.up_to_id) {
    const auto last = std::find(ids.begin(), ids.end(), *asked.up_to_id);
    if (last != ids.end()) end = static_cast<size_t>(last - ids.begin()) + 1;
  }
  for (size_t i = 0; i < end; ++i) {
    if (!removed.contains(ids[i]) && !created.contains(ids[i])) continue;
    json::object one;
    one["id"] = ids[i];
    one["index"] = i;
    added.emplace_back(std::move(one));
  }
  if (asked.max_changes && gone.size() + added.size() > *asked.max_changes)
    return Failure{"tooManyChanges", "there are more changes than maxChanges"};
  json::object out;
  out["accountId"] = account_id(call.account().id);
  out["oldQueryState"] = asked.since;
  out["newQueryState"] = now;
  if (asked.calculate_total) out["total"] = ids.size();
  out["removed"] = std::move(gone);
  out["added"] = std::move(added);
  return out;
}

}  // namespace pabal::jmap
