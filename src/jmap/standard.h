// What the standard methods of all data types share (RFC 8620 §5): their arguments, their answers, patches, and the run
// of a /set.
#pragma once

#include "jmap/fields.h"

namespace pabal::jmap {

// --- /get (§5.1) ---

struct GetArguments {
  std::optional<std::vector<std::string>> ids;      // in their order, each once, creation ids resolved; none: all
  std::optional<std::set<std::string>> properties;  // with "id"; none: all
  bool wants(std::string_view property) const { return !properties || properties->contains(std::string(property)); }
};
// `known` says which properties there are; a list of none: any is taken.
Or<GetArguments> read_get(Call& call, const std::set<std::string>& known);
json::object get_answer(const Call& call, std::string state, json::array list, json::array not_found);

// --- /changes (§5.2) ---

struct ChangesArguments {
  std::string since;
  std::optional<uint64_t> max;  // > 0
};
Or<ChangesArguments> read_changes(Call& call);
struct Changes {
  std::string now;
  bool more = false;
  std::vector<std::string> created{}, updated{}, destroyed{};
};
json::object changes_answer(const Call& call, const std::string& since, Changes changes);
Failure cannot_calculate();

// --- /set (§5.3) ---

// The object with the patch applied; of a whole object as a patch, that object. invalidPatch. A value of null removes
// the member.
Or<json::object> patched(json::object object, const json::object& patch);

// The changes of one /set, in the transaction that run_set() makes of all of them. What one of these functions writes
// is kept as a whole, or not at all when it gives a Failure. They run again when an engine retries, after begin().
// A failure for which is_ours() holds ends the whole call. Everything here but begin() may use the Call's id_of().
class Setter {
 public:
  virtual ~Setter() = default;
  virtual void begin() {}
  virtual Result<std::string> state(const store::Reader& r) = 0;
  // The properties that the server has set, "id" with them.
  virtual Or<json::object> create(store::Transaction& t, const std::string& creation, const json::object& object) = 0;
  // What has changed beyond what was asked for; empty: nothing, told as null.
  virtual Or<json::object> update(store::Transaction& t, const std::string& id, const json::object& patch) = 0;
  virtual std::optional<Failure> destroy(store::Transaction& t, const std::string& id) = 0;
};
// Reads the arguments, orders creates by the creation ids they name, commits once, gives the response. `setter` and the
// Call outlive it. Further arguments of the method are read before, from call.arguments. `failed` are creates that
// cannot be, found before: they are told and not run.
Task<Answer> run_set(Call& call, Setter& setter, std::map<std::string, Failure> failed = {});

// --- /query (§5.5) and /queryChanges (§5.6) ---

struct Comparator {
  std::string property;
  bool ascending = true;
  std::string collation;  // empty: none was named
  json::object more;      // all its members
};

// A filter as it was written: operators over conditions.
struct Filter {
  enum class Op : uint8_t { kAnd, kOr, kNot, kCondition } op = Op::kAnd;
  std::vector<Filter> children{};
  json::object condition{};
  // Whether it holds where `one` says so of its conditions. Without a filter (an AND of nothing), always.
  bool holds(const std::function<bool(const json::object&)>& one) const;
  void each(const std::function<void(const json::object&)>& visit) const;  // its conditions
};
constexpr size_t kMaxFilterConditions = 200;

struct QueryArguments {
  Filter filter;
  std::vector<Comparator> sort;
  int64_t position = 0, anchor_offset = 0;
  std::optional<std::string> anchor, up_to_id;  // upToId: of /queryChanges
  std::optional<uint64_t> limit, max_changes;
  std::string since;  // sinceQueryState of /queryChanges
  bool calculate_total = false;
};
// For both; `changes`: of /queryChanges. `properties`: which can be sorted by; others are unsupportedSort.
Or<QueryArguments> read_query(Call& call, const std::set<std::string>& properties, bool changes = false);
// The window of all `ids` that was asked for.
constexpr size_t kMaxQueryAnswer = 10'000;  // ids
Answer query_answer(const Call& call, const QueryArguments& asked, const std::string& state, bool can_calculate_changes,
                    const std::vector<std::string>& ids);
// `removed`: those that may have been in the results and have changed or gone; those of them among `ids`, the results
// now, are told as added.
Answer query_changes_answer(const Call& call, const QueryArguments& asked, const std::string& now,
                            const std::vector<std::string>& ids, const std::set<std::string>& removed,
                            const std::set<std::string>& created, bool immutable);

}  // namespace pabal::jmap
