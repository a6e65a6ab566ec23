#include "sieve/scripts.h"

#include <algorithm>

#include "base/text.h"
#include "sieve/keys.h"

namespace pabal::sieve {
namespace {

constexpr uint8_t kVersion = 1;

Error no_such(std::string_view name) {
  return {Code::kNotFound, "there is no script " + text::printable(name, kMaxScriptName)};
}
Error damaged(std::string_view name) {
  return {Code::kCorrupt, "the record of the script " + text::printable(name) + " is damaged; put the script again"};
}

// RFC 5804 §1.6
Result<void> check_name(std::string_view name) {
  if (name.empty()) return Error{Code::kInvalid, "a script needs a name"};
  if (name.size() > kMaxScriptName)
    return Error{Code::kInvalid, "a script's name has at most " + std::to_string(kMaxScriptName) + " octets"};
  bool plain = text::is_utf8(name);
  for (size_t i = 0; plain && i < name.size(); ++i) {
    const unsigned char c = static_cast<unsigned char>(name[i]);
    const std::string_view rest = name.substr(i);
    plain = c >= 0x20 && c != 0x7F && !(c == 0xC2 && static_cast<unsigned char>(name[i + 1]) < 0xA0) &&
            !rest.starts_with("\u2028") && !rest.starts_with("\u2029");
  }
  if (!plain) return Error{Code::kInvalid, "a script's name is UTF-8 without control characters"};
  return {};
}

std::string encode_info(Time changed, uint64_t octets) {
  return Encoder().u8(kVersion).u64(static_cast<uint64_t>(to_micros(changed))).varint(octets).take();
}

Result<ScriptInfo> decode_info(std::string_view name, std::string_view record) {
  Decoder in(record);
  ScriptInfo info;
  info.name = name;
  const uint8_t version = in.u8();
  info.changed = from_micros(static_cast<int64_t>(in.u64()));
  info.octets = in.varint();
  if (version != kVersion || !in.ok() || !in.done()) return damaged(name);
  return info;
}

Result<bool> exists(const store::Reader& r, mailbox::AccountId account, std::string_view name) {
  const auto record = r.get(keys::script(account, name));
  if (!record) return record.error();
  return record->has_value();
}

Result<void> count_change(store::Transaction& t, mailbox::AccountId account) {
  const auto state = scripts_state(t, account);
  if (!state) return state.error();
  t.put(keys::changes(account), Encoder().u64(*state + 1).view());
  return {};
}

}  // namespace

Result<uint64_t> scripts_state(const store::Reader& r, mailbox::AccountId account) {
  const auto record = r.get(keys::changes(account));
  if (!record) return record.error();
  return *record ? Decoder(**record).u64() : 0;
}

std::string scripts_watch_key(mailbox::AccountId account) { return keys::changes(account); }

std::string in_lines(const std::vector<Fault>& faults) {
  std::string out;
  for (const Fault& fault : faults) (out += out.empty() ? "" : "\r\n") += fault.text();
  return out;
}

Result<Scripts::Room> Scripts::room_for(const store::Reader& r, mailbox::AccountId account, std::string_view name,
                                        uint64_t octets) const {
  if (const auto good = check_name(name); !good) return good.error();
  if (octets > kMaxScriptBytes) return Room::kTooLarge;
  const auto scripts = list(r, account);
  if (!scripts) return scripts.error();
  uint64_t all = octets, others = 0;
  for (const ScriptInfo& one : *scripts)
    if (one.name != name) all += one.octets, ++others;
  if (others >= kMaxScripts) return Room::kTooMany;
  return all > kMaxAllScripts ? Room::kFull : Room::kFits;
}

Result<void> Scripts::put(store::Transaction& t, mailbox::AccountId account, std::string_view name,
                          std::string_view text, const Program& program) const {
  const auto room = room_for(t, account, name, text.size());
  if (!room) return room.error();
  if (*room != Room::kFits)
    return Error{Code::kLimit, "there are at most " + std::to_string(kMaxScripts) + " scripts, of " +
                                   std::to_string(kMaxScriptBytes) + " octets each and " +
                                   std::to_string(kMaxAllScripts) + " together; remove some"};
  t.put(keys::script(account, name), encode_info(clock_.now(), text.size()));
  t.put(keys::text(account, name), text);
  t.put(keys::program(account, name), encode(program));
  return count_change(t, account);
}

Result<void> Scripts::remove(store::Transaction& t, mailbox::AccountId account, std::string_view name) const {
  const auto there = exists(t, account, name);
  if (!there) return there.error();
  if (!*there) return no_such(name);
  const auto now_active = active(t, account);
  if (!now_active) return now_active.error();
  // RFC 5804 §2.10
  if (*now_active == name) return Error{Code::kDenied, "the active script cannot be removed; make it inactive first"};
  for (const std::string& key : {keys::script(account, name), keys::text(account, name), keys::program(account, name)})
    t.erase(key);
  return count_change(t, account);
}

Result<void> Scripts::rename(store::Transaction& t, mailbox::AccountId account, std::string_view from,
                             std::string_view to) const {
  if (const auto good = check_name(to); !good) return good;
  const auto there = exists(t, account, from), taken = exists(t, account, to);
  if (!there) return there.error();
  if (!taken) return taken.error();
  if (!*there) return no_such(from);
  if (*taken) return Error{Code::kExists, "there is a script " + std::string(to) + " already"};
  for (const auto key : {keys::script, keys::text, keys::program}) {
    const auto value = t.get(key(account, from));
    if (!value) return value.error();
    if (*value) t.put(key(account, to), **value);
    t.erase(key(account, from));
  }
  const auto now_active = active(t, account);
  if (!now_active) return now_active.error();
  if (*now_active == from) t.put(keys::active(account), to);
  return count_change(t, account);
}

Result<void> Scripts::activate(store::Transaction& t, mailbox::AccountId account, std::string_view name) const {
  if (name.empty()) {
    t.erase(keys::active(account));
    return count_change(t, account);
  }
  const auto there = exists(t, account, name);
  if (!there) return there.error();
  if (!*there) return no_such(name);
  t.put(keys::active(account), name);
  return count_change(t, account);
}

Result<std::vector<ScriptInfo>> Scripts::list(const store::Reader& r, mailbox::AccountId account) const {
  const auto now_active = active(r, account);
  if (!now_active) return now_active.error();
  const std::string prefix = keys::of(account, 's');
  const auto records = r.list(store::Range::prefix(prefix));
  if (!records) return records.error();
  std::vector<ScriptInfo> out;
  for (const store::Entry& entry : *records) {
    auto info = decode_info(std::string_view(entry.key).substr(prefix.size()), entry.value);
    if (!info) return info.error();
    info->active = info->name == *now_active;
    out.push_back(std::move(*info));
  }
  return out;
}

Result<std::string> Scripts::text(const store::Reader& r, mailbox::AccountId account, std::string_view name) const {
  auto found = r.get(keys::text(account, name));
  if (!found) return found.error();
  if (!*found) return no_such(name);
  return std::move(**found);
}

Result<std::shared_ptr<const Program>> Scripts::program(const store::Reader& r, mailbox::AccountId account,
                                                        std::string_view name) const {
  const auto stored = r.get(keys::program(account, name));
  if (!stored) return stored.error();
  if (*stored)
    if (auto program = decode(**stored)) return program;
  const auto source = text(r, account, name);
  if (!source) return source.error();
  Compiled compiled = compile(*source);
  if (!compiled.ok()) return Error{Code::kInvalid, in_lines(compiled.faults)};
  return std::move(compiled.program);
}

Result<std::string> Scripts::active(const store::Reader& r, mailbox::AccountId account) const {
  auto name = r.get(keys::active(account));
  if (!name) return name.error();
  return *name ? std::move(**name) : std::string();
}

}  // namespace pabal::sieve
