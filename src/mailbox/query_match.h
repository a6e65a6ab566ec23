// What a query asks of a message, whether it lies in the store (query.cc) or has just come (arriving.cc). Not for other
// rooms.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailbox/query.h"

namespace pabal::mailbox {

// The field of the index in which the words of a text must be; nothing: the index does not decide.
std::optional<Mailboxes::Term::Field> index_field(Query::Op op);
// What is looked up there, one or the other: from:me means each address in `me`.
std::vector<std::string> texts_of(const Query& query, const std::vector<std::string>& me);
std::vector<std::string> words_of(std::string_view utf8);

bool is_message_id(std::string_view id, std::string_view asked);
bool names_file(const message::Part& part, std::string_view asked);  // it, or one within
// Its two texts stand close enough in that message.
bool are_near(const Query& around, std::string_view bytes, const message::Message& structure);

}  // namespace pabal::mailbox
