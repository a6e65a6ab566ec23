// The key layout of the mail model. ACCOUNT is u32, MAILBOX u32, UID u32, MESSAGE u64, MODSEQ u64: big-endian.
//   A ACCOUNT s                     account state; every change writes it, so it is the account's watch key
//   A ACCOUNT b MAILBOX             mailbox record (name, role, UIDVALIDITY, UIDNEXT, counts)
//   A ACCOUNT n NAME                mailbox id
//   A ACCOUNT y NAME                the name is subscribed
//   A ACCOUNT m MESSAGE             places, modseq, thread, body, size, dates; the flags of one in no mailbox
//   A ACCOUNT e MESSAGE             what never changes: prefix, structure, preview
//   A ACCOUNT u MAILBOX BLOCK       the rows of one block of kRowBlock UIDs: message, modseq, flags
//   A ACCOUNT x MAILBOX CHUNK       the live UIDs of one chunk of kChunk, as ranges
//   A ACCOUNT c MODSEQ              the changes of that modseq
//   A ACCOUNT t HASH                thread id of a Message-ID, or of a base subject and its author (thread.cc)
//   A ACCOUNT T THREAD MESSAGE      members of a thread
//   A ACCOUNT w MESSAGE             word list not yet folded into a segment (search.h)
//   A ACCOUNT f                     the first message whose word list may wait: those before it are folded
//   A ACCOUNT W MESSAGE             likewise of its attached files (attached.h); F: as f
//   A ACCOUNT g SEGMENT BLOCK       segments of postings (segment.h)
//   A ACCOUNT l                     which segments there are
//   A ACCOUNT d UNTIL MESSAGE       undelete window: UNTIL is microseconds, u64
//   A ACCOUNT r MAILBOX             rights of others (sharing.h); none: it is not shared
//   A ACCOUNT a OWNER MAILBOX ENTRY an annotation that the account keeps (annotations.h); OWNER 0: on the server;
//                                   ACCOUNT 0: kept by the server
//   A ACCOUNT k                     how many annotations it keeps, of how many octets
//   A ACCOUNT R                     written when it stands in lists of rights otherwise than before; ACCOUNT 0: when
//                                   groups or anyone do
//   G 'a' OWNER MAILBOX             the lists of rights that "anyone" stands in; 'u' ACCOUNT OWNER MAILBOX: that
//   account;
//                                   'g' GROUP NUL OWNER MAILBOX: that group
//   E ACCOUNT MESSAGE               the text of its attached files is not yet read (attached.h)
//   F                               written when such a message comes
//   D ACCOUNT                       a removed account whose records are being swept
//   R BODY                          references to a body
//   B BODY (body space)             a small body; of a larger one the header: lists of messages need no more
//   B BODY 1 (body space)           the rest of a larger one. Form in impl.h says how either is written
#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"
#include "mailbox/mailbox.h"
#include "mailbox/sharing.h"

namespace pabal::mailbox::keys {

constexpr Uid kChunk = 4096;  // UIDs of one chunk: an append rewrites a few octets, a SELECT of 100,000 reads 25 values

constexpr Uid kRowBlock = 128;  // UIDs whose rows are one record: a delivery rewrites 500 octets of it, a flag set in
                                // 10,000 messages writes 79 records

inline Encoder in_account(AccountId a, char kind) {
  Encoder out;
  out.u8('A').u32(a).u8(static_cast<uint8_t>(kind));
  return out;
}
inline std::string all_of(AccountId a) { return Encoder().u8('A').u32(a).take(); }
inline std::string state(AccountId a) { return in_account(a, 's').take(); }
inline std::string mailbox(AccountId a, MailboxId m) { return in_account(a, 'b').u32(m).take(); }
inline std::string name(AccountId a, std::string_view n) { return in_account(a, 'n').raw(n).take(); }
inline std::string subscription(AccountId a, std::string_view n) { return in_account(a, 'y').raw(n).take(); }
inline std::string message(AccountId a, MessageId m) { return in_account(a, 'm').u64(m).take(); }
inline std::string details(AccountId a, MessageId m) { return in_account(a, 'e').u64(m).take(); }
inline std::string rows(AccountId a, MailboxId m, Uid u) { return in_account(a, 'u').u32(m).u32(u / kRowBlock).take(); }
inline std::string chunk(AccountId a, MailboxId m, Uid u) { return in_account(a, 'x').u32(m).u32(u / kChunk).take(); }
inline std::string change(AccountId a, ModSeq s) { return in_account(a, 'c').u64(s).take(); }
inline std::string thread_hash(AccountId a, uint64_t h) { return in_account(a, 't').u64(h).take(); }
inline std::string member(AccountId a, ThreadId t, MessageId m) { return in_account(a, 'T').u64(t).u64(m).take(); }
inline std::string words(AccountId a, MessageId m) { return in_account(a, 'w').u64(m).take(); }
inline std::string file_words(AccountId a, MessageId m) { return in_account(a, 'W').u64(m).take(); }
// Of each kind of word lists, 'w' and 'W'.
inline std::string first_waiting(AccountId a, char lists = 'w') {
  return in_account(a, lists == 'w' ? 'f' : 'F').take();
}
inline std::string file_waits(AccountId a, MessageId m) { return Encoder().u8('E').u32(a).u64(m).take(); }
constexpr std::string_view kFilesCame = "F";
inline std::string removed(AccountId a, uint64_t until, MessageId m) {
  return in_account(a, 'd').u64(until).u64(m).take();
}
inline std::string acl(AccountId a, MailboxId m) { return in_account(a, 'r').u32(m).take(); }
inline Encoder annotations(AccountId keeper) { return in_account(keeper, 'a'); }
inline std::string annotation(AccountId keeper, AccountId owner, MailboxId m, std::string_view entry) {
  return annotations(keeper).u32(owner).u32(m).raw(entry).take();
}
inline std::string rights_given(AccountId a) { return in_account(a, 'R').take(); }
inline std::string annotations_kept(AccountId a) { return in_account(a, 'k').take(); }
inline std::string grants_to_groups() { return "Gg"; }
inline Encoder grants_to(const Grantee& who) {
  Encoder out;
  switch (who.kind) {
    case Grantee::Kind::kAnyone:
      out.raw("Ga");
      break;
    case Grantee::Kind::kAccount:
      out.raw("Gu").u32(who.account);
      break;
    case Grantee::Kind::kGroup:
      out.raw(grants_to_groups()).raw(who.group).u8(0);
      break;
  }
  return out;
}
inline std::string swept(AccountId a) { return Encoder().u8('D').u32(a).take(); }
inline std::string references(BodyId b) { return Encoder().u8('R').u64(b).take(); }
inline std::string body(BodyId b) { return Encoder().u8('B').u64(b).take(); }
inline std::string rest(BodyId b) { return Encoder().u8('B').u64(b).u8(1).take(); }

}  // namespace pabal::mailbox::keys
