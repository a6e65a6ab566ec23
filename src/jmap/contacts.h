// Contacts (RFC 9610): address books and cards, which are JSContact (RFC 9553) kept as JSON. One's own: nobody shares
// an address book.
#pragma once

#include "jmap/collection.h"

namespace pabal::jmap {

constexpr std::string_view kContacts = "urn:ietf:params:jmap:contacts";
constexpr size_t kMaxAddressBooks = 100;
constexpr size_t kMaxCards = 20'000;
constexpr size_t kMaxCardOctets = 512 << 10;  // as JSON; a picture of a third of a megabyte

const Type& book_type();
const Type& card_type();

// What is wrong with a card as JSContact: the properties, by name (RFC 9553 §2). Unknown ones are kept as they are.
std::vector<std::string> card_faults(const json::object& card);
// Whether it meets a FilterCondition (RFC 9610 §3.3.1), which check_card_condition() has found good.
bool card_matches(const json::object& card, const json::object& condition);
std::optional<Failure> check_card_condition(const json::object& condition);
std::string card_sort_key(const json::object& card, const std::string& property);

}  // namespace pabal::jmap
