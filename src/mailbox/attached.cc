#include "mailbox/attached.h"

#include <algorithm>

#include "base/text.h"
#include "mailbox/impl.h"
#include "mailbox/search.h"

namespace pabal::mailbox {
namespace {

bool may_have_text(const message::Part& part) {
  if (part.is_multipart() || part.is_text() || part.body_size == 0 || part.body_size > kMaxFileOctets) return false;
  const std::string name = text::lowered(part.filename());
  for (const std::string_view ending :
       {".pdf", ".docx", ".xlsx", ".pptx", ".odt", ".ods", ".odp", ".rtf", ".docm", ".xlsm", ".pptm"})
    if (name.ends_with(ending)) return true;
  return part.type == "application" && (part.subtype == "pdf" || part.subtype == "rtf" ||
                                        part.subtype.starts_with("vnd.openxmlformats-officedocument.") ||
                                        part.subtype.starts_with("vnd.oasis.opendocument."));
}

void gather(const message::Part& part, std::vector<const message::Part*>& out) {
  if (out.size() < kMaxFilesRead && may_have_text(part)) out.push_back(&part);
  for (const message::Part& child : part.children) gather(child, out);
}

}  // namespace

std::vector<const message::Part*> files_with_text(const message::Part& root) {
  std::vector<const message::Part*> out;
  gather(root, out);
  return out;
}

void note_files(store::Transaction& t, AccountId account, MessageId message) {
  t.put(keys::file_waits(account, message), "");
  t.put(keys::kFilesCame, "");
}

std::unique_ptr<store::Store::Watch> watch_files(store::Store& store, std::function<void()> came) {
  return store.watch(std::string(keys::kFilesCame), std::move(came));
}

Result<std::vector<FilesWait>> files_waiting(const store::Reader& r, size_t limit) {
  store::Range range = store::Range::prefix("E");
  range.limit = limit;
  std::vector<FilesWait> out;
  const auto scanned = r.scan(range, [&](std::string_view key, std::string_view) {
    Decoder in(key.substr(1));
    const AccountId account = in.u32();
    out.push_back({account, in.u64()});
    return true;
  });
  if (!scanned) return scanned.error();
  return out;
}

Result<void> put_file_texts(store::Transaction& t, const FilesWait& of, const std::vector<std::string>& texts) {
  t.erase(keys::file_waits(of.account, of.message));
  const auto state = t.get(keys::state(of.account));
  if (!state) return state.error();
  const auto message = t.get(keys::message(of.account, of.message));
  if (!message) return message.error();
  const std::string list = *state && *message ? file_word_list(texts) : "";
  if (list.empty()) return {};
  t.put(keys::file_words(of.account, of.message), packed(list));
  // Lists are folded in the order of messages; one that comes late is not to be stepped over.
  const auto first = t.get(keys::first_waiting(of.account, 'W'));
  if (!first) return first.error();
  if (*first && Decoder(**first).u64() > of.message)
    t.put(keys::first_waiting(of.account, 'W'), Encoder().u64(of.message).take());
  return {};
}

}  // namespace pabal::mailbox
