// Patches, and the run of a /set (RFC 8620 §5.3).
#include <algorithm>

#include "jmap/standard.h"
#include "store/attempt.h"

namespace pabal::jmap {
namespace {

std::vector<std::string> path_of(std::string_view pointer) {
  std::vector<std::string> out(1);
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/')
      out.emplace_back();
    else if (pointer[i] == '~' && i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1'))
      out.back() += pointer[++i] == '0' ? '~' : '/';
    else
      out.back() += pointer[i];
  }
  return out;
}

// The creation ids "#x" that stand in an object as names or values.
void mentioned(const json::value& value, std::set<std::string>& out) {
  if (const json::string* s = value.if_string(); s && s->starts_with('#')) out.emplace(std::string_view(*s).substr(1));
  if (const json::array* a = value.if_array())
    for (const json::value& item : *a) mentioned(item, out);
  if (const json::object* o = value.if_object())
    for (const auto& [name, item] : *o) {
      if (std::string_view(name).starts_with('#')) out.emplace(std::string_view(name).substr(1));
      mentioned(item, out);
    }
}

// Those that others name come first; a circle is cut somewhere, and whoever names what is not there fails by that.
class Order {
 public:
  explicit Order(const json::object& create) {
    for (const auto& [id, object] : create) mentioned(object, needs_[id]);
    for (const auto& [id, object] : create) visit(std::string(id));
  }
  std::vector<std::string> ids;

 private:
  void visit(const std::string& first) {
    std::vector<std::pair<std::string, bool>> waiting{{first, false}};  // whether what it needs has been seen to
    while (!waiting.empty()) {
      const auto [id, ready] = waiting.back();
      waiting.pop_back();
      if (ready) {
        ids.push_back(id);
        continue;
      }
      if (!needs_.contains(id) || !seen_.insert(id).second) continue;
      waiting.emplace_back(id, true);
      for (const std::string& need : needs_[id]) waiting.emplace_back(need, false);
    }
  }
  std::map<std::string, std::set<std::string>> needs_;
  std::set<std::string> seen_;
};

struct Plan {
  std::optional<std::string> if_in_state;
  json::object create, update;
  std::vector<std::string> order, destroy;
};

Or<Plan> read_plan(Call& call) {
  Fields in(call.arguments);
  Plan out;
  out.if_in_state = in.string("ifInState");
  if (const json::object* create = in.object("create")) out.create = *create;
  if (const json::object* update = in.object("update")) out.update = *update;
  out.destroy = in.strings("destroy").value_or(std::vector<std::string>());
  for (const auto& [id, object] : out.create)
    if (!object.is_object() || !is_id(id)) in.note("create");
  for (const auto& [id, patch] : out.update)
    if (!patch.is_object()) in.note("update");
  if (const auto bad = in.bad_arguments()) return *bad;
  if (out.create.size() + out.update.size() + out.destroy.size() > kMaxObjectsInSet)
    return Failure{"requestTooLarge", "at most " + std::to_string(kMaxObjectsInSet) + " objects at once"};
  out.order = Order(out.create).ids;
  return out;
}

// What became of each object.
struct Outcome {
  std::string before, after;
  json::object created, updated, not_created, not_updated, not_destroyed;
  json::array destroyed;
  std::map<std::string, std::string> ids;  // of creation ids
  std::optional<Failure> failed;           // the call as a whole
};

// Null in place of what is empty (RFC 8620 §5.3).
template <typename T>
json::value or_null(T list) {
  return list.empty() ? json::value(nullptr) : json::value(std::move(list));
}

// Runs the changes of `plan` in `t`. False: the call as a whole has failed.
class Work {
 public:
  Work(Call& call, Setter& setter, const Plan& plan, const std::map<std::string, Failure>& failed)
      : call_(call), setter_(setter), plan_(plan), failed_(failed), known_(call.created_ids()) {}

  Result<void> run(store::Transaction& t) {
    out = {};
    undo();  // it may be another try
    setter_.begin();
    if (const auto done = set_state(t, out.before); !done) return done;
    if (plan_.if_in_state && *plan_.if_in_state != out.before)
      return fail({"stateMismatch", "the state is " + out.before});
    for (const std::string& creation : plan_.order)
      if (const auto done = create(t, creation); !done) return done;
    for (const auto& [given, patch] : plan_.update)
      if (const auto done = update(t, given, patch.as_object()); !done) return done;
    std::set<std::string> seen;
    for (const std::string& given : plan_.destroy)
      if (seen.insert(given).second)
        if (const auto done = destroy(t, given); !done) return done;
    return set_state(t, out.after);
  }
  void undo() { call_.created_ids() = known_; }
  Outcome out;

 private:
  Result<void> fail(Failure failure) {
    out.failed = failure;
    return Error{Code::kConflict, failure.type};
  }
  Result<void> set_state(const store::Reader& r, std::string& state) {
    auto found = setter_.state(r);
    if (!found) return fail(failure_of(found.error()));
    state = std::move(*found);
    return {};
  }
  Result<void> create(store::Transaction& t, const std::string& creation) {
    if (const auto known = failed_.find(creation); known != failed_.end()) {
      out.not_created[creation] = known->second.object();
      return {};
    }
    store::Attempt attempt(t);
    auto made = setter_.create(attempt, creation, plan_.create.at(creation).as_object());
    if (!made) {
      if (is_ours(made.failure())) return fail(made.failure());
      out.not_created[creation] = made.failure().object();
      return {};
    }
    attempt.keep();
    if (const json::value* id = made->if_contains("id"); id && id->is_string())
      call_.created(creation, std::string(id->as_string()));
    out.created[creation] = std::move(*made);
    return {};
  }
  Result<void> update(store::Transaction& t, std::string_view given, const json::object& patch) {
    const std::string id = call_.id_of(given);
    store::Attempt attempt(t);
    auto done = setter_.update(attempt, id, patch);
    if (!done) {
      if (is_ours(done.failure())) return fail(done.failure());
      out.not_updated[given] = done.failure().object();
      return {};
    }
    attempt.keep();
    out.updated[id] = or_null(std::move(*done));
    return {};
  }
  Result<void> destroy(store::Transaction& t, std::string_view given) {
    const std::string id = call_.id_of(given);
    store::Attempt attempt(t);
    if (const auto failed = setter_.destroy(attempt, id)) {
      if (is_ours(*failed)) return fail(*failed);
      out.not_destroyed[given] = failed->object();
      return {};
    }
    attempt.keep();
    out.destroyed.emplace_back(id);
    return {};
  }

  Call& call_;
  Setter& setter_;
  const Plan& plan_;
  const std::map<std::string, Failure>& failed_;
  const std::map<std::string, std::string> known_;
};

}  // namespace

Or<json::object> patched(json::object object, const json::object& patch) {
  const auto broken = [](std::string_view pointer) {
    return Failure{"invalidPatch", "the path \"" + std::string(pointer) + "\" leads nowhere"};
  };
  std::vector<std::vector<std::string>> paths;
  for (const auto& [pointer, value] : patch) paths.push_back(path_of(pointer));
  std::sort(paths.begin(), paths.end());
  for (size_t i = 1; i < paths.size(); ++i)  // a prefix comes right before what it is a prefix of
    if (paths[i].size() >= paths[i - 1].size() &&
        std::equal(paths[i - 1].begin(), paths[i - 1].end(), paths[i].begin()))
      return Failure{"invalidPatch", "one path of the patch leads into another"};
  for (const auto& [pointer, value] : patch) {
    const std::vector<std::string> path = path_of(pointer);
    json::object* at = &object;
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      json::value* next = at->if_contains(path[i]);
      if (!next || !next->is_object()) return broken(pointer);
      at = &next->as_object();
    }
    if (value.is_null())
      at->erase(path.back());
    else
      (*at)[path.back()] = value;
  }
  return object;
}

Task<Answer> run_set(Call& call, Setter& setter, std::map<std::string, Failure> failed) {
  const auto plan = read_plan(call);
  if (!plan) co_return plan.failure();
  Work work(call, setter, *plan, failed);
  store::Work run = [&work](store::Transaction& t) { return work.run(t); };
  Task<Result<void>> committing = call.commit(run);
  const Result<void> committed = co_await committing;
  Outcome& out = work.out;
  if (!committed) {
    work.undo();
    co_return out.failed ? *out.failed : failure_of({Code::kUnavailable, committed.error().message});
  }
  json::object answer;
  answer["accountId"] = account_id(call.account().id);
  answer["oldState"] = out.before;
  answer["newState"] = out.after;
  answer["created"] = or_null(std::move(out.created));
  answer["updated"] = or_null(std::move(out.updated));
  answer["destroyed"] = or_null(std::move(out.destroyed));
  answer["notCreated"] = or_null(std::move(out.not_created));
  answer["notUpdated"] = or_null(std::move(out.not_updated));
  answer["notDestroyed"] = or_null(std::move(out.not_destroyed));
  co_return answer;
}

}  // namespace pabal::jmap
