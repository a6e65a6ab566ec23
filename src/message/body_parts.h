// What of a message a reader is shown as its body, and what as attachments (RFC 8621 §4.1.4). Pure.
#pragma once

#include <utility>
#include <vector>

#include "message/message.h"

namespace pabal::message {

// In the order they are shown in; with the number of each entity, as the message has them from 0.
struct BodyParts {
  using List = std::vector<std::pair<const Part*, size_t>>;
  List text, html;  // where there are both, the same in plain text and in HTML
  List attachments;
};
BodyParts body_parts(const Part& root);

// There is something in it that a reader may want to save: the same for lists, searches and clients.
bool has_attachment(const Part& root);

}  // namespace pabal::message
