// What a query asks of a message, whether it lies in the store (query.cc) or has just come (arriving.cc). Not for other
// rooms.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mailbox/query.h"
#include "mailbox/query_words.h"

namespace pabal::mailbox {

// The fields of the index in one of which the words of a query must be; none: the index has nothing of it.
std::string_view index_fields(const Query& query);
// Those words decide; of other queries the message itself is asked as well.
bool is_decided_by_index(Query::Op op);
// What is looked up there, one or the other: from:me means each address in `me`.
std::vector<TextWords> words_of_query(const Query& query, const std::vector<std::string>& me);

bool is_message_id(std::string_view id, std::string_view asked);
bool names_file(const message::Part& part, const Query& query);  // it, or one within
// Its two texts stand close enough in that message.
bool are_near(const Query& around, std::string_view bytes, const message::Message& structure);

}  // namespace pabal::mailbox
