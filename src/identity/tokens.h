// Access tokens: bearer tokens (RFC 6750) that let a program in as an account without its password, for some purposes
// and some time. A token is 32 random octets behind the account's number, given out once; the store keeps its hash.
// Directory issues and checks them; `pabal token` and oauth/ make them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace pabal::identity {

// --- scopes and needs -----------------------------------------------------------------------------------------------
//
// A token carries scopes (RFC 6749 §3.3), as its owner granted them: ours, Gmail's, OpenID's. What a protocol or call
// does is a need. The table of what each scope covers is in tokens.cc; in short:
//
//   mail.read                 everything in the mailboxes and the settings, all but sending
//   mail.send                 sending
//   https://mail.google.com/  everything
//   gmail.readonly            metadata, read, settings.read          (https://www.googleapis.com/auth/gmail.readonly)
//   gmail.metadata            metadata
//   gmail.modify              all but deleting for good and changing settings
//   gmail.compose             drafts, send
//   gmail.send, gmail.insert, gmail.labels                           the one need of that name
//   gmail.settings.basic      settings.read, settings
//   gmail.settings.sharing    sharing
//   openid, email, profile    themselves; offline_access nothing: it asks for a refresh token
constexpr std::string_view kMailMetadata = "mail.metadata";  // what there is: header fields, labels, flags; no bodies
constexpr std::string_view kMailRead = "mail.read";          // whole messages
constexpr std::string_view kMailModify = "mail.modify";      // flags and labels of messages, trash and back
constexpr std::string_view kMailInsert = "mail.insert";      // put messages into mailboxes
constexpr std::string_view kMailDelete = "mail.delete";      // for good
constexpr std::string_view kMailLabels = "mail.labels";      // make, change and remove labels (mailboxes)
constexpr std::string_view kMailDrafts = "mail.drafts";      // read and write drafts
constexpr std::string_view kMailSend = "mail.send";          // submission
constexpr std::string_view kMailSettingsRead = "mail.settings.read";
constexpr std::string_view kMailSettings = "mail.settings";  // filters, vacation, identities
constexpr std::string_view kMailSharing = "mail.sharing";    // forwarding to others, delegates, rights of others
constexpr std::string_view kMailboxes = "mail.all";          // all of that but sending: IMAP, POP3, ManageSieve
constexpr std::string_view kOpenId = "openid";               // who it is
constexpr std::string_view kEmail = "email";
constexpr std::string_view kProfile = "profile";

constexpr std::string_view kGmail = "https://mail.google.com/";
constexpr std::string_view kOfflineAccess = "offline_access";

std::vector<std::string_view> known_scopes();  // that a token may carry; the plain ones first
bool is_scope(std::string_view name);
// Whether the scope covers the need.
bool covers(std::string_view scope, std::string_view need);
// A scope of ours to ask for where a need is not covered: for error messages of protocols.
std::string_view scope_to_ask(std::string_view need);

// --- tokens ---------------------------------------------------------------------------------------------------------

constexpr days kTokenLifetime{90};        // where nothing else is asked for
constexpr days kMaxTokenLifetime{3'650};  // ten years
constexpr size_t kMaxTokens = 1'000;      // of one account that its owner made
constexpr size_t kMaxPassing = 500;       // of one account made for programs and browsers; then the oldest goes
constexpr size_t kMaxTokenLabel = 200;    // octets
constexpr std::string_view kGrantRoot = "grant:";  // how the root of a grant's tokens begins; its number follows

struct Token {
  enum class Kind : uint8_t {
    kAccess = 0,   // a bearer token
    kSession = 1,  // in a browser's cookie: for the server's own pages, with all that its owner may do
    kTicket = 2,   // good once, for what cannot send a header (WebSocket, EventSource of other origins)
  } kind = Kind::kAccess;
  std::string id;  // names it to its owner; no secret
  uint32_t account = 0;
  std::vector<std::string> scopes;
  std::string label;   // what it is for, as its owner wrote
  std::string client;  // of oauth/: for which client it was made, and of which grant; else empty
  std::string grant;
  std::string parent;  // kTicket: the id of the token or session that it was made with
  Time created, expires;
  bool covers(std::string_view need) const;
  // What outlives the token and ends what was made with it: "grant:7", else the id of a token or session.
  std::string root() const;
};

}  // namespace pabal::identity
