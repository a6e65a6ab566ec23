// room: access
// Octets as commands: the reader and every parser behind it take anything, keep within their limits, and what they
// accept can be written and read again.
#include <algorithm>
#include <string>

#include "access/imap/append_request.h"
#include "access/imap/command_reader.h"
#include "access/imap/fetch_format.h"
#include "access/imap/list.h"
#include "access/imap/message_url.h"
#include "access/imap/metadata_request.h"
#include "access/imap/names.h"
#include "access/imap/notify_request.h"
#include "access/imap/search_key.h"
#include "access/imap/select_request.h"
#include "base/check.h"
#include "mailbox/sharing.h"

namespace {

using namespace pabal;
using namespace pabal::access::imap;

void parse_everything(std::string_view text) {
  {
    Words words(text);
    if (const auto request = parse_fetch(words)) {
      PABAL_CHECK(request->items.size() <= kMaxFetchItems);
      // The same octets as a message: any section of any structure.
      mailbox::Details details;
      details.structure = message::parse(text);
      details.prefix = "Return-Path: <>\r\n";
      for (const FetchItem& item : request->items) {
        if (const auto octets = section_octets(item.section, details, text); octets && item.section.partial)
          PABAL_CHECK(octets->size() <= item.section.count);
        (void)binary_octets(item.section, details, text);
      }
      (void)body_structure(details.structure.root, true);
      (void)envelope(details.structure.summary);
    }
  }
  for (const Searching kind : {Searching::kSearch, Searching::kSort, Searching::kThread}) {
    Words words(text);
    if (const auto parsed = parse_search(words, kind); parsed.request)
      (void)search_answer(*parsed.request, "t", true, true, {{1, 1}, {2, 2}, {9, 9}});
  }
  for (const bool lsub : {false, true}) {
    Words words(text);
    if (const auto request = parse_list(words, lsub)) {
      mailbox::Mailbox inbox, below;
      inbox.name = "INBOX";
      below.name = "a/b/c";
      (void)list(*request, {inbox, below}, {"INBOX", "gone/x"},
                 [](std::string_view pattern) { return from_modified_utf7(pattern).value_or(std::string(pattern)); });
    }
  }
  {
    Words words(text);
    if (const auto request = parse_select(words); request && request->qresync) {
      mailbox::UidMap uids;
      uids.append({5, 60});
      uids.append({100, 120});
      const mailbox::Uid agreed = agreed_up_to(*request->qresync, uids);
      PABAL_CHECK(agreed == 0 || uids.sequence(agreed) > 0);
      if (request->qresync->known) {
        const mailbox::UidMap gone = missing(request->qresync->known->resolve(150), uids, agreed, 150);
        for (const mailbox::UidMap::Range& r : gone.ranges())
          for (mailbox::Uid uid = r.first; uid <= r.last; ++uid)
            PABAL_CHECK(uid > agreed && uid <= 150 && uids.sequence(uid) == 0);
      }
    }
  }
  {
    Words words(text);
    if (const auto parsed = parse_notify(words); parsed.request) {
      PABAL_CHECK(parsed.request->groups.size() <= kMaxNotifyGroups);
      for (const NotifyGroup& group : parsed.request->groups)
        PABAL_CHECK(group.events.messages || (!group.events.flags && !group.events.fetch));
      (void)parsed.request->of("INBOX", {"INBOX"});
    }
  }
  {
    Words words(text);
    if (const auto request = parse_get_metadata(words))
      for (const std::string& entry : request->entries) PABAL_CHECK(levels_below(entry, entry) == 0u);
  }
  {
    Words words(text);
    if (const auto request = parse_set_metadata(words)) {
      const std::string written = " x " + entry_values(request->changes);
      Words again(written);
      const auto same = parse_set_metadata(again);
      PABAL_CHECK(same && entry_values(same->changes) == entry_values(request->changes));
    }
  }
  if (const auto rights = mailbox::parse_rights(text))
    PABAL_CHECK(mailbox::parse_rights(mailbox::rights_text(*rights)) == rights);
  {
    Words words(text);
    if (const auto flags = parse_flags(words)) {
      std::string written;
      add_flag_list(written, *flags);
      Words again(written);
      PABAL_CHECK(parse_flags(again) == flags && again.done());
    }
  }
  {
    Words words(text);
    const std::string read = words.astring();
    if (words.ok()) {
      const std::string written = quote(read);
      Words again(written);
      PABAL_CHECK(again.astring() == read && again.done());
    }
  }
  {
    Words words(text);
    const AppendRequest request = parse_append(words);
    if (request.fault.empty()) PABAL_CHECK(!request.messages.empty() && words.done());
  }
  if (const auto url = parse_message_url(text)) {
    PABAL_CHECK(url->uid > 0 && url->mailbox.find('\0') == std::string::npos);
    PABAL_CHECK(!url->section.partial || url->section.count > 0);
  }
  if (const auto set = parse_set(text)) {
    uint32_t last = 0;
    for (const SequenceSet::Range& r : set->resolve(1000)) {
      PABAL_CHECK(r.first > last && r.last >= r.first);
      last = r.last;
    }
    mailbox::UidMap uids;
    uids.append({5, 60});
    uids.append({100, 120});
    (void)targets_by_uid(*set, uids, uids);
    (void)targets_by_sequence(*set, uids, uids);
  }
  if (const auto name = from_modified_utf7(text)) PABAL_CHECK(to_modified_utf7(*name) == text);
  if (const auto time = parse_date_time(text))
    PABAL_CHECK(parse_date_time(format_date_time(*time).substr(1, 26)) == *time);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  parse_everything(input);

  // In pieces of a size that the input chooses, and whole: the same commands come out.
  const auto commands = [&](size_t piece) {
    CommandReader reader;
    reader.limit(1 << 10, 1 << 12);
    std::string out;
    for (size_t at = 0; at < input.size() || piece == 0; at += piece) {
      reader.feed(input.substr(at, std::min(piece, input.size() - at)));
      for (bool more = true; more;) {
        switch (reader.next()) {
          case CommandReader::State::kNeedMore:
            more = false;
            break;
          case CommandReader::State::kNeedContinue:
            out += "+";
            break;
          case CommandReader::State::kTooLong:
            return out + "!";
          case CommandReader::State::kTooBig:
            out += "?" + reader.take() + "\n";
            break;
          case CommandReader::State::kCommand: {
            const std::string command = reader.take();
            out += "=" + command + "\n";
            parse_everything(command);
            break;
          }
        }
      }
    }
    return out;
  };
  if (size > 0) PABAL_CHECK(commands(1 + data[0] % 20) == commands(size));
  return 0;
}
