// room: access
// Streams of commands, made from the input, against whole sessions over a small real store: nothing crashes, every
// command is answered, and at the end the account's counts are those of its messages.
#include "access/imap/session_testing.h"
#include "base/text.h"
#include "mailbox/sharing.h"

namespace {

using namespace pabal;
using namespace pabal::access::imap::testing;

// Pieces that random octets would not find.
constexpr std::string_view kWords[] = {
    "SELECT INBOX",
    "EXAMINE Junk",
    "FETCH ",
    "UID ",
    "STORE ",
    "SEARCH ",
    "COPY ",
    "MOVE ",
    "EXPUNGE",
    "APPEND INBOX ",
    "CREATE ",
    "DELETE ",
    "RENAME ",
    "LIST \"\" ",
    "LSUB \"\" ",
    "STATUS INBOX (MESSAGES)",
    "IDLE\r\nDONE",
    "NOOP",
    "CLOSE",
    "UNSELECT",
    "ENABLE IMAP4rev2",
    "ENABLE UTF8=ACCEPT",
    "CAPABILITY",
    "NAMESPACE",
    "ID NIL",
    "CHECK",
    "SUBSCRIBE ",
    "UNSUBSCRIBE ",
    "1:*",
    "1",
    "2:3",
    "*",
    "$",
    "999",
    "4294967295",
    ",",
    ":",
    " ",
    "(",
    ")",
    "\"",
    "{3+}\r\nabc",
    "{5}\r\n",
    "{0+}\r\n",
    "~{2+}\r\nab",
    "FLAGS",
    "(FLAGS UID)",
    "+FLAGS (\\Seen)",
    "-FLAGS.SILENT (\\Deleted $x)",
    "+FLAGS (\\Deleted)",
    "BODY[]",
    "BODY.PEEK[1.2.MIME]",
    "BODY[HEADER.FIELDS (Subject)]",
    "BODYSTRUCTURE",
    "ENVELOPE",
    "BINARY[1]",
    "BINARY.SIZE[1]",
    "<0.5>",
    "<3.9999999999>",
    "PREVIEW (LAZY)",
    "RFC822",
    "ALL",
    "UNSEEN",
    "NOT ",
    "OR ",
    "TEXT fox",
    "BODY x",
    "SUBJECT x",
    "HEADER From bob",
    "SINCE 1-Feb-1994",
    "LARGER 5",
    "RETURN (SAVE MIN)",
    "RETURN (COUNT ALL)",
    "CHARSET UTF-8 ",
    "INBOX",
    "Junk",
    "a/b",
    "a",
    "&AOk-",
    "R&D",
    "%",
    "(SUBSCRIBED RECURSIVEMATCH) ",
    " RETURN (CHILDREN STATUS (SIZE))",
    "(USE (\\Sent))",
    "(\\Seen)",
    "\"17-Jul-1996 02:44:25 -0700\"",
    "UTF8 (",
    "CATENATE (",
    "URL /INBOX/;UID=1/;SECTION=1",
    "TEXT ",
    "REPLACE ",
    "GETQUOTA ",
    "GETQUOTAROOT INBOX",
    "SETQUOTA alice@example.com (STORAGE 1)",
    "ENABLE QRESYNC",
    "ENABLE UIDONLY",
    "SELECT INBOX (CONDSTORE)",
    "SELECT INBOX (QRESYNC (1800000000 9 1:5 (1:2 1:2)))",
    "NOTIFY SET (selected (MessageNew (uid flags) MessageExpunge FlagChange))",
    "NOTIFY SET STATUS (selected-delayed NONE) (subtree a (MessageNew MessageExpunge))",
    "NOTIFY SET (personal (MailboxName SubscriptionChange))",
    "NOTIFY SET (subtree \"Other Users\" (MailboxName MailboxMetadataChange)) (personal (ServerMetadataChange))",
    "NOTIFY NONE",
    "STATUS INBOX (HIGHESTMODSEQ MAILBOXID)",
    "(UNCHANGEDSINCE 9) ",
    " (CHANGEDSINCE 9)",
    " (CHANGEDSINCE 9 VANISHED)",
    "(MODSEQ EMAILID THREADID SAVEDATE)",
    "MODSEQ 9",
    "EMAILID E1",
    "THREADID T1",
    "SAVEDSINCE 1-Feb-1994",
    "SETACL INBOX anyone ",
    "SETACL INBOX bob@example.com +lrs",
    "DELETEACL INBOX anyone",
    "GETACL ",
    "LISTRIGHTS INBOX bob@example.com",
    "MYRIGHTS ",
    "lrswite",
    "GETMETADATA ",
    "SETMETADATA ",
    "(DEPTH infinity)",
    "(/shared/comment \"x\" /private/y NIL)",
    "/private/y",
    "ENABLE METADATA",
    "\"Other Users/bob@example.com/INBOX\"",
    "\"Other Users/bob@example.com/INBOX/x\"",
    " RETURN (MYRIGHTS METADATA (/private/y))",
    "LOGOUT",
    "SORT ",
    "(SUBJECT REVERSE DATE) UTF-8 ALL",
    "THREAD REFERENCES UTF-8 ALL",
    "THREAD ORDEREDSUBJECT UTF-8 ALL",
    "RETURN (UPDATE COUNT) UNSEEN",
    "RETURN (UPDATE PARTIAL -1:-2) ",
    "CANCELUPDATE \"a\"",
    "OLDER 5 YOUNGER 500",
    "(UID) (PARTIAL 1:2)",
    "+X-GM-LABELS (\\Inbox new \\Starred)",
    "X-GM-LABELS ()",
    "(X-GM-MSGID X-GM-THRID X-GM-LABELS)",
    "X-GM-RAW \"is:unread -from:x OR subject:(a b)\""};

std::string commands(std::string_view input) {
  std::string out;
  bool begun = false;
  for (const char raw : input) {
    const auto c = static_cast<unsigned char>(raw);
    if (!std::exchange(begun, true)) out += "t ";
    if (c < std::size(kWords))
      out += kWords[c];
    else if (c < 0xC0)
      out += raw;
    else if (c < 0xE0)
      out += ' ';
    else {
      out += "\r\n";
      begun = false;
    }
  }
  return out + "\r\n";
}

World& world() {
  static World* const made = [] {
    auto* w = new World(2'000'000);
    w->deliver(
        crlf("From: bob@example.net\nTo: alice@example.com\nSubject: fox\nContent-Type: multipart/mixed; "
             "boundary=b\n\n--b\n\nfox\n--b\nContent-Type: message/rfc822\n\n"
             "Subject: in\n\nx\n--b--\n"));
    const auto bob = w->add_account("bob@example.com", 2'000'000);
    w->change([&](store::Transaction& t) {
      return mailbox::change_acl(t, bob, 1, {}, false, '=', *mailbox::parse_rights("lrswipktea"));
    });
    return w;
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 4096) return 0;
  World& w = world();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  Client& a = w.logged_in();
  Client& b = w.selected();
  b.send("t IDLE\r\n");
  a.send("t SELECT INBOX\r\n");
  a.send(commands(input.substr(0, size / 2)));
  a.send(std::string(input.substr(size / 2)));  // and as it is
  w.loop.run_for(seconds(1));
  a.hang_up();
  w.loop.run_for(seconds(1));
  b.send("DONE\r\n");
  w.loop.run_for(seconds(1));
  b.hang_up();
  w.loop.run_for(minutes(10));
  w.forget_clients();

  // Counts are kept beside the rows: they must agree.
  for (const mailbox::AccountId account : {w.alice, w.alice + 1}) {
    const auto boxes = w.mailboxes->list(*w.store, account);
    PABAL_CHECK(boxes.ok());
    for (const mailbox::Mailbox& box : *boxes) {
      uint32_t messages = 0, unseen = 0, deleted = 0;
      PABAL_CHECK(w.mailboxes
                      ->rows(*w.store, account, box.id, 1, UINT32_MAX,
                             [&](const mailbox::Row& row) {
                               ++messages;
                               unseen += !row.flags.has(mailbox::kSeen);
                               deleted += row.flags.has(mailbox::kDeleted);
                               return true;
                             })
                      .ok());
      PABAL_CHECK(box.messages == messages && box.unseen == unseen && box.deleted == deleted);
      PABAL_CHECK(w.mailboxes->uids(*w.store, account, box.id)->count() == messages);
    }
  }
  return 0;
}
