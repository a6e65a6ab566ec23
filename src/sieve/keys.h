// The keys of this room. They lie in the account's space, so that they go when the account does.
//   A ACCOUNT S a           name of the active script
//   A ACCOUNT S s NAME      script: when changed, octets
//   A ACCOUNT S t NAME      its text
//   A ACCOUNT S p NAME      its program
//   A ACCOUNT S c           how often its scripts have changed
//   A ACCOUNT S v HASH      somebody has had his vacation answer; with expiry (RFC 5230 §4.2)
//   A ACCOUNT S d HASH      a message that "duplicate" knows; with expiry (RFC 7352 §3)
//   A ACCOUNT S g           mail settings (settings.h); h: the script of them; i: its program
//   A ACCOUNT S n           the owner was told of a script that fails; with expiry
// ACCOUNT 0 has the scripts of the server (RFC 6609 §3.1 :global).
#pragma once

#include <string>
#include <string_view>

#include "base/codec.h"
#include "mailbox/keys.h"

namespace pabal::sieve::keys {

inline std::string of(mailbox::AccountId a, char kind, std::string_view rest = {}) {
  return mailbox::keys::in_account(a, 'S').u8(static_cast<uint8_t>(kind)).raw(rest).take();
}
inline std::string active(mailbox::AccountId a) { return of(a, 'a'); }
inline std::string script(mailbox::AccountId a, std::string_view name) { return of(a, 's', name); }
inline std::string text(mailbox::AccountId a, std::string_view name) { return of(a, 't', name); }
inline std::string program(mailbox::AccountId a, std::string_view name) { return of(a, 'p', name); }
inline std::string changes(mailbox::AccountId a) { return of(a, 'c'); }
inline std::string answered(mailbox::AccountId a, std::string_view what) { return of(a, 'v', sha256(what)); }
inline std::string duplicate(mailbox::AccountId a, std::string_view id) { return of(a, 'd', sha256(id)); }
inline std::string settings(mailbox::AccountId a) { return of(a, 'g'); }
inline std::string settings_text(mailbox::AccountId a) { return of(a, 'h'); }
inline std::string settings_program(mailbox::AccountId a) { return of(a, 'i'); }
inline std::string told(mailbox::AccountId a) { return of(a, 'n'); }

}  // namespace pabal::sieve::keys
