// How far a client knows the accounts that it sees, as a text that it keeps for us: the id of an event (RFC 8620 §7.3)
// and the pushState of WebSockets (RFC 8887 §4.3.5.1). Which types of objects changed between two of them. Pure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "jmap/methods.h"
#include "push/hub.h"

namespace pabal::jmap {

using Positions = std::map<mailbox::AccountId, push::Position>;

constexpr size_t kMaxFollowed = 50;            // accounts that one connection follows: its caller's and shared ones
constexpr size_t kMaxPositionsText = 8 << 10;  // octets

std::string positions_text(const Positions& positions);  // "A7=120.1.0.3.9.0.2.4096.0,A12=4.0.0.0.0.0.0.0.0"
std::optional<Positions> parse_positions(std::string_view text);

// The types whose changes are told. EmailDelivery: RFC 8621 §1.5.
constexpr std::array<std::string_view, 11> kPushTypes{
    "Email",       "EmailDelivery", "Mailbox",           "Thread",      "Identity", "EmailSubmission",
    "AddressBook", "ContactCard",   "ShareNotification", "SieveScript", "Quota"};
using TypeSet = uint32_t;  // a bit for each of kPushTypes
constexpr TypeSet kAllTypes = (1u << kPushTypes.size()) - 1;

constexpr TypeSet kSeenTypes = 0b1101;  // Email, Mailbox, Thread: seen otherwise when rights change

// The state of Quota: used octets, and how many are allowed.
std::string quota_state(uint64_t octets, uint64_t quota);
TypeSet types_named(const std::set<std::string>& names);  // those there are
// What changed in the eyes of somebody who sees the account like this.
TypeSet types_changed(const push::News& news, const Account& account);
// Of one account in a StateChange (RFC 8620 §7.1): {"Email": "120"}.
json::object type_states(TypeSet types, const push::Position& now);

}  // namespace pabal::jmap
