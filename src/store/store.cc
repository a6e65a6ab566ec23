#include "store/store.h"

#include <future>

namespace pabal::store {

Range Range::prefix(std::string_view p) {
  Range range{std::string(p), std::string(p)};
  // The first key behind all that start with p: p with its last octet that is not 0xFF counted up.
  while (!range.end.empty() && range.end.back() == '\xFF') range.end.pop_back();
  if (!range.end.empty()) range.end.back() = static_cast<char>(range.end.back() + 1);
  return range;
}

Result<void> Reader::get_many(const std::vector<std::string>& keys, const VisitFound& visit, Space space) const {
  for (size_t at = 0; at < keys.size(); ++at) {
    const auto value = get(keys[at], space);
    if (!value) return value.error();
    if (*value && !visit(at, **value)) return {};
  }
  return {};
}

Result<std::vector<Entry>> Reader::list(const Range& range) const {
  std::vector<Entry> entries;
  const Result<void> done = scan(range, [&](std::string_view key, std::string_view value) {
    entries.push_back({std::string(key), std::string(value)});
    return true;
  });
  if (!done) return done.error();
  return entries;
}

void Store::commit(Batch batch, Done done) {
  transact(
      [batch = std::move(batch)](Transaction& t) -> Result<void> {
        for (const Batch::Condition& condition : batch.conditions) {
          auto found = t.get(condition.key);
          if (!found) return found.error();
          if (*found != condition.value)
            return Error{Code::kConflict, "a condition of the batch does not hold; read again and retry"};
        }
        for (const Batch::Write& write : batch.writes) {
          if (write.value)
            t.put(write.key, *write.value, write.space);
          else
            t.erase(write.key, write.space);
        }
        return {};
      },
      std::move(done));
}

Result<void> Store::transact_and_wait(Work work) {
  // Shared: the committer may still be inside set_value() when the waiter has its result.
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto future = promise->get_future();
  transact(std::move(work), [promise](Result<void> result) { promise->set_value(std::move(result)); });
  return future.get();
}

}  // namespace pabal::store
