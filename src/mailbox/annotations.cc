#include "mailbox/annotations.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "mailbox/impl.h"

namespace pabal::mailbox {
namespace {

constexpr uint8_t kVersion = 1;

// What an account keeps, in sum.
struct Kept {
  uint64_t changes = 0, count = 0, octets = 0;
};
std::string encode(const Kept& k) {
  return Encoder().u8(kVersion).varint(k.changes).varint(k.count).varint(k.octets).take();
}
std::optional<Kept> decode_kept(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Kept k;
  k.changes = in.varint();
  k.count = in.varint();
  k.octets = in.varint();
  if (!in.ok()) return {};
  return k;
}
Result<Kept> kept_by(const store::Reader& r, AccountId keeper) {
  const auto record = read<Kept>(r, keys::annotations_kept(keeper), "annotations", decode_kept);
  if (!record) return record.error();
  return record->value_or(Kept());
}

struct Value {
  uint64_t changed = 0;
  std::string value;
};
std::string encode_value(uint64_t changed, std::string_view value) {
  return Encoder().u8(kVersion).varint(changed).string(value).take();
}
std::optional<Value> decode_value(std::string_view record) {
  Decoder in(record);
  if (in.u8() != kVersion) return {};
  Value v;
  v.changed = in.varint();
  v.value = in.string();
  if (!in.ok()) return {};
  return v;
}

AccountId keeper_of(const Annotated& on, AccountId who, std::string_view entry) {
  return is_private(entry) ? who : on.owner;
}

// Visits all of one keeper that begin so: what they are about, name, value.
Result<void> visit(const store::Reader& r, AccountId keeper, const std::string& begin,
                   const std::function<void(const Annotated&, std::string_view, Value)>& each) {
  const size_t fixed = keys::annotations(keeper).view().size();
  bool whole = true;
  const auto scanned = r.scan(store::Range::prefix(begin), [&](std::string_view key, std::string_view record) {
    Decoder in(key.substr(fixed));
    Annotated on;
    on.owner = in.u32();
    on.mailbox = in.u32();
    auto value = decode_value(record);
    whole = in.ok() && value;
    if (whole) each(on, in.rest(), std::move(*value));
    return whole;
  });
  if (!scanned) return scanned;
  if (!whole) return damaged("an annotation");
  return {};
}

void put(store::Transaction& t, AccountId keeper, Kept& kept, const Annotated& on, std::string_view entry,
         const std::optional<Value>& before, const std::optional<std::string>& value) {
  const std::string key = keys::annotation(keeper, on.owner, on.mailbox, entry);
  if (before) {
    --kept.count;
    kept.octets -= entry.size() + before->value.size();
  }
  if (!value) return t.erase(key);
  ++kept.count;
  kept.octets += entry.size() + value->size();
  t.put(key, encode_value(kept.changes, *value));
}

bool too_much(const Kept& kept) { return kept.count > kMaxAnnotations || kept.octets > kMaxAnnotationsOctets; }

// Private ones on mailboxes of others that were removed: nobody told their keepers then.
Result<void> drop_orphans(store::Transaction& t, AccountId keeper, Kept& kept) {
  std::vector<std::pair<Annotated, std::string>> all;
  const auto visited =
      visit(t, keeper, keys::annotations(keeper).view(),
            [&](const Annotated& on, std::string_view entry, const Value&) { all.emplace_back(on, entry); });
  if (!visited) return visited;
  for (const auto& [on, entry] : all) {
    if (on.owner == 0 || on.owner == keeper) continue;
    const auto box = t.get(keys::mailbox(on.owner, on.mailbox));
    if (!box) return box.error();
    if (*box) continue;
    const auto value =
        read<Value>(t, keys::annotation(keeper, on.owner, on.mailbox, entry), "an annotation", decode_value);
    if (!value) return value.error();
    put(t, keeper, kept, on, entry, *value, std::nullopt);
  }
  return {};
}

bool is_name_character(char c) { return c >= 0x20 && c < 0x7F && c != '*' && c != '%'; }

}  // namespace

std::optional<std::string> annotation_prefix(std::string_view given) {
  std::string name = text::lowered(given);
  if (name != "/private" && name != "/shared" && !name.starts_with("/private/") && !name.starts_with("/shared/"))
    return {};
  if (name.size() > kMaxAnnotationName || name.ends_with('/') || name.find("//") != name.npos ||
      !std::all_of(name.begin(), name.end(), is_name_character))
    return {};
  return name;
}

std::optional<std::string> annotation_name(std::string_view given) {
  auto name = annotation_prefix(given);
  if (!name) return {};
  const auto parts = text::split(*name, '/');  // the first is what stands before the first slash: nothing
  if (parts.size() < 3 || (parts[2] == "vendor" && parts.size() < 5)) return {};
  return name;
}

Result<std::optional<std::string>> annotation(const store::Reader& r, const Annotated& on, AccountId who,
                                              std::string_view entry) {
  auto value = read<Value>(r, keys::annotation(keeper_of(on, who, entry), on.owner, on.mailbox, entry), "an annotation",
                           decode_value);
  if (!value) return value.error();
  return *value ? std::optional<std::string>(std::move((*value)->value)) : std::nullopt;
}

Result<std::vector<Annotation>> annotations(const store::Reader& r, const Annotated& on, AccountId who,
                                            std::string_view entry) {
  std::vector<Annotation> out;
  const std::string below = std::string(entry) + "/";
  const AccountId keeper = keeper_of(on, who, below);
  const auto visited = visit(r, keeper, keys::annotation(keeper, on.owner, on.mailbox, entry),
                             [&](const Annotated&, std::string_view name, Value value) {
                               if (name == entry || name.starts_with(below))
                                 out.push_back({std::string(name), std::move(value.value)});
                             });
  if (!visited) return visited.error();
  return out;
}

Result<void> annotate(store::Transaction& t, const Annotated& on, AccountId who,
                      const std::vector<Annotation>& changes) {
  if (on != kTheServer) {
    const auto box = t.get(keys::mailbox(on.owner, on.mailbox));
    if (!box) return box.error();
    if (!*box) return Error{Code::kNotFound, "there is no such mailbox"};
  }
  std::map<AccountId, Kept> keepers;  // those in which something changes
  for (const Annotation& change : changes) {
    const AccountId keeper = keeper_of(on, who, change.entry);
    const auto before =
        read<Value>(t, keys::annotation(keeper, on.owner, on.mailbox, change.entry), "an annotation", decode_value);
    if (!before) return before.error();
    if (before->has_value() == change.value.has_value() && (!change.value || (*before)->value == *change.value))
      continue;
    if (!keepers.contains(keeper)) {
      auto kept = kept_by(t, keeper);
      if (!kept) return kept.error();
      ++kept->changes;
      keepers.emplace(keeper, *kept);
    }
    put(t, keeper, keepers[keeper], on, change.entry, *before, change.value);
  }
  for (auto& [keeper, kept] : keepers) {
    if (too_much(kept))
      if (const auto dropped = drop_orphans(t, keeper, kept); !dropped) return dropped;
    if (too_much(kept))
      return Error{Code::kLimit, "an account keeps 10,000 annotations and 4 MB of them; take others away first"};
    t.put(keys::annotations_kept(keeper), encode(kept));
    if (keeper == 0) continue;
    auto edit = Edit::begin(t, keeper);
    if (!edit) return edit.error();
    edit->note(Change::Kind::kAnnotations, keeper == on.owner ? on.mailbox : 0);
    if (const auto done = edit->finish(); !done) return done;
  }
  return {};
}

Result<uint64_t> annotation_changes(const store::Reader& r, AccountId keeper) {
  const auto kept = kept_by(r, keeper);
  if (!kept) return kept.error();
  return kept->changes;
}

Result<std::vector<AnnotationStamp>> annotation_stamps(const store::Reader& r, AccountId keeper) {
  std::vector<AnnotationStamp> out;
  const auto visited = visit(r, keeper, keys::annotations(keeper).view(),
                             [&](const Annotated& on, std::string_view entry, const Value& value) {
                               out.push_back({on, std::string(entry), value.changed});
                             });
  if (!visited) return visited.error();
  return out;
}

std::unique_ptr<store::Store::Watch> watch_server_annotations(store::Store& store, std::function<void()> changed) {
  return store.watch(keys::annotations_kept(0), std::move(changed));
}

Result<void> copy_annotations(store::Transaction& t, AccountId account, MailboxId from, MailboxId to) {
  std::vector<std::pair<std::string, std::string>> all;
  const auto visited = visit(
      t, account, keys::annotation(account, account, from, ""),
      [&](const Annotated&, std::string_view entry, Value value) { all.emplace_back(entry, std::move(value.value)); });
  if (!visited || all.empty()) return visited;
  auto kept = kept_by(t, account);
  if (!kept) return kept.error();
  ++kept->changes;
  for (const auto& [entry, value] : all) put(t, account, *kept, {account, to}, entry, std::nullopt, value);
  t.put(keys::annotations_kept(account), encode(*kept));
  return {};
}

Result<void> drop_annotations(store::Transaction& t, AccountId account, MailboxId mailbox) {
  std::vector<std::pair<std::string, Value>> all;
  const auto visited =
      visit(t, account, keys::annotation(account, account, mailbox, ""),
            [&](const Annotated&, std::string_view entry, Value value) { all.emplace_back(entry, std::move(value)); });
  if (!visited || all.empty()) return visited;
  auto kept = kept_by(t, account);
  if (!kept) return kept.error();
  ++kept->changes;
  for (const auto& [entry, value] : all) put(t, account, *kept, {account, mailbox}, entry, value, std::nullopt);
  t.put(keys::annotations_kept(account), encode(*kept));
  return {};
}

}  // namespace pabal::mailbox
