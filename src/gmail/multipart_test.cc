#include "gmail/multipart.h"

#include <gmock/gmock.h>

namespace pabal::gmail {
namespace {

using testing::ElementsAre;

std::vector<std::string> bodies(std::string_view body, size_t most = 10) {
  const auto pieces = split_multipart(body, "b", most);
  if (!pieces) return {"REFUSED " + pieces.error().message};
  std::vector<std::string> out;
  for (const Piece& piece : *pieces) {
    const std::string* type = piece.headers.get("content-type");
    out.push_back((type ? *type + "|" : "") + std::string(piece.body));
  }
  return out;
}

TEST(Multipart, GivesItsParts) {
  EXPECT_THAT(bodies("--b\r\nContent-Type: a/b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--"), ElementsAre("a/b|one", "two"));
  EXPECT_THAT(bodies("--b\nContent-Type: a/b\n\none\n\n--b--\n"), ElementsAre("a/b|one\n")) << "LF alone";
  EXPECT_THAT(bodies("text before\r\n--b \r\n\r\none\r\n--b--\r\ntext behind"), ElementsAre("one"));
  EXPECT_THAT(bodies("--b\r\n\r\n\r\n--b--"), ElementsAre(""));
  EXPECT_THAT(bodies("--b\r\n\r\n--b--"), ElementsAre(""));
  EXPECT_THAT(bodies("--b--"), ElementsAre());
  EXPECT_THAT(bodies("--b\r\n\r\n--bc\r\nx--b\r\n --b\r\n--b--"), ElementsAre("--bc\r\nx--b\r\n --b"))
      << "what only looks like the boundary";
}

TEST(Multipart, RefusesWhatIsBroken) {
  EXPECT_THAT(bodies(""), ElementsAre("REFUSED the body has no line of its boundary"));
  EXPECT_THAT(bodies("--c\r\n\r\nx\r\n--c--"), ElementsAre("REFUSED the body has no line of its boundary"));
  EXPECT_THAT(bodies("--b\r\n\r\nx\r\n"), ElementsAre("REFUSED the body ends without its last boundary"));
  EXPECT_THAT(bodies("--b\r\nno field\r\n\r\nx\r\n--b--"),
              ElementsAre("REFUSED a line of a part's header is no field"));
  EXPECT_THAT(bodies("--b\r\nA: \x01\r\n\r\nx\r\n--b--"),
              ElementsAre("REFUSED a field of a part has control characters"));
  EXPECT_THAT(bodies("--b\r\nA: " + std::string(20'000, 'x') + "\r\n\r\nx\r\n--b--"),
              ElementsAre("REFUSED a part has too large a header"));
  EXPECT_THAT(bodies("--b\r\n\r\n1\r\n--b\r\n\r\n2\r\n--b--", 1),
              ElementsAre("REFUSED the body has more than 1 parts"));
}

TEST(Multipart, ReadsTheBoundary) {
  EXPECT_EQ(boundary_of("multipart/mixed; boundary=abc"), "abc");
  EXPECT_EQ(boundary_of("Multipart/Related; type=\"a/b\"; BOUNDARY=\"==1==\""), "==1==");
  EXPECT_EQ(boundary_of("multipart/mixed"), "");
  EXPECT_EQ(boundary_of("text/plain; boundary=abc"), "");
  EXPECT_EQ(boundary_of("multipart/mixed; boundary=" + std::string(71, 'x')), "");
}

}  // namespace
}  // namespace pabal::gmail
