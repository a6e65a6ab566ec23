#include "message/binary.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace pabal::message {
namespace {

using std::string_literals::operator""s;

std::optional<std::string> encoded(const std::string& bytes) { return encode_binary(bytes, parse(bytes)); }

TEST(EncodeBinary, PutsBase64InPlaceOfBinary) {
  EXPECT_EQ(
      encoded("Subject: x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\nTo: a@b\r\n\r\n\x89P\0G"s),
      "Subject: x\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\nTo: a@b\r\n\r\niVAARw==\r\n");
  EXPECT_EQ(encoded("Subject: x\r\n\r\na\0b"s), "Subject: x\r\nContent-Transfer-Encoding: base64\r\n\r\nYQBi\r\n");
}

TEST(EncodeBinary, ChangesNoOtherPart) {
  const std::string head = "Content-Type: multipart/mixed; boundary=b\r\ncontent-transfer-encoding: binary\r\n\r\n";
  const std::string text = "--b\r\nContent-Transfer-Encoding: binary\r\n\r\nno NUL\r\n";
  const std::string file = "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding:\r\n binary\r\n\r\n";
  const std::string bytes(100, '\0');
  const auto out = encoded(head + text + file + bytes + "\r\n--b--\r\n");
  ASSERT_TRUE(out);
  const std::string code = text::base64(bytes);
  EXPECT_EQ(*out, "Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text +
                      "--b\r\nContent-Type: a/b\r\nContent-Transfer-Encoding: base64\r\n\r\n" + code.substr(0, 76) +
                      "\r\n" + code.substr(76) + "\r\n--b--\r\n");
  const Message again = parse(*out);
  EXPECT_EQ(part_content(*out, again.root.children[1]), bytes);
}

TEST(EncodeBinary, ReachesIntoEmbeddedMessages) {
  const auto out = encoded(
      "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: binary\r\n\r\nSubject: in\r\nContent-Type: a/b\r\n\r\n\0"s);
  ASSERT_TRUE(out);
  const Message again = parse(*out);
  EXPECT_EQ(again.root.encoding, "8bit");
  ASSERT_EQ(again.root.children.size(), 1u);
  EXPECT_EQ(part_content(*out, again.root.children[0]), "\0"s);
}

TEST(EncodeBinary, CannotEncodeEverything) {
  EXPECT_FALSE(encoded("Subject: a\0b\r\n\r\nx"s));
  EXPECT_FALSE(encoded("a\0b"s));
  EXPECT_FALSE(encoded("Content-Transfer-Encoding: base64\r\n\r\nYQ\0=="s));
  EXPECT_FALSE(encoded("Content-Type: multipart/mixed; boundary=b\r\n\r\n\0\r\n--b\r\n\r\nx\r\n--b--\r\n"s));
  EXPECT_FALSE(encoded("Content-Type: multipart/mixed; boundary=b\r\n\r\n\0\r\n"s));
}

}  // namespace
}  // namespace pabal::message
