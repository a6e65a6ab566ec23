// A message as somebody has outlined it, part by part, and its octets. (draft.h decides on the parts by itself.)
#pragma once

#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "message/header.h"

namespace pabal::message {

struct Outline {
  // Lines with CRLF: of the root the message's fields, of others Content-* fields. Not Content-Type or
  // Content-Transfer-Encoding, which are written from what follows.
  std::string header;
  std::string type = "text/plain";
  Params params;               // of Content-Type; the boundary is chosen here
  std::string content;         // of a leaf: octets, not coded. Of text, lines end in CRLF
  std::vector<Outline> parts;  // of a multipart, at least one
};

// The octets, 7-bit but for embedded messages and what the headers hold. parse() gives the same parts back, with the
// same content. kInvalid: a type that is none, a multipart without parts or parts in what is no multipart. kLimit: more
// parts or levels than parse() would see.
Result<std::string> compose(const Outline& root, Random& random);

}  // namespace pabal::message
