// Sessions under COMPRESS=DEFLATE (RFC 4978), with a client of plain zlib.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "access/imap/session_testing.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::World;

// Both ends of the client's zlib, over what the client sends and gets.
class Compressed {
 public:
  explicit Compressed(Client& client) : client_(client) {
    EXPECT_EQ(deflateInit2(&out_, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    EXPECT_EQ(inflateInit2(&in_, -15), Z_OK);
  }
  ~Compressed() {
    deflateEnd(&out_);
    inflateEnd(&in_);
  }
  std::string talk(World& world, const std::string& command) {
    client_.send(run(out_, deflate, "t " + command + "\r\n"));
    world.loop.run_for(seconds(1));
    return run(in_, inflate, client_.take());
  }

 private:
  static std::string run(z_stream& z, int (*step)(z_stream*, int), std::string text) {
    std::string out(1 << 20, '\0');
    z.next_in = reinterpret_cast<Bytef*>(text.data());
    z.avail_in = static_cast<uInt>(text.size());
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(out.size());
    EXPECT_EQ(step(&z, Z_SYNC_FLUSH), Z_OK);
    out.resize(out.size() - z.avail_out);
    return out;
  }
  Client& client_;
  z_stream out_{}, in_{};
};

TEST(ImapCompress, CompressesBothWays) {
  World world;
  world.deliver("Subject: x\r\n\r\n" + std::string(100'000, 'x'));
  Client& c = world.logged_in();
  EXPECT_EQ(c.talk("COMPRESS DEFLATE"), "t OK from here on compressed\r\n");
  Compressed z(c);
  EXPECT_THAT(z.talk(world, "SELECT INBOX"), HasSubstr("* 1 EXISTS\r\n"));
  EXPECT_THAT(z.talk(world, "FETCH 1 BODY.PEEK[TEXT]"), HasSubstr("{100000}\r\nxxx"));
  EXPECT_THAT(z.talk(world, "COMPRESS DEFLATE"), StartsWith("t NO [COMPRESSIONACTIVE] "));
  world.loop.run_for(minutes(5));
  EXPECT_THAT(z.talk(world, "APPEND INBOX {5+}\r\nA: b\n"), HasSubstr("t OK [APPENDUID "));
  EXPECT_THAT(z.talk(world, "LOGOUT"), StartsWith("* BYE "));
  EXPECT_TRUE(c.wait_closed());
}

TEST(ImapCompress, ABombMeetsTheLimitsOfAnySession) {
  World world;
  Client& c = world.logged_in();
  c.talk("COMPRESS DEFLATE");
  Compressed z(c);
  EXPECT_THAT(z.talk(world, std::string(20 << 20, 'x')), HasSubstr("* BYE [LIMIT] "));
  EXPECT_TRUE(c.wait_closed());
}

TEST(ImapCompress, IsRefusedWhereItCannotBe) {
  World world;
  EXPECT_THAT(world.greeted().talk("COMPRESS DEFLATE"), StartsWith("t BAD "));
  Client& c = world.logged_in();
  for (const std::string bad : {"COMPRESS", "COMPRESS LZ4", "COMPRESS DEFLATE x"})
    EXPECT_THAT(c.talk(bad), StartsWith("t BAD ")) << bad;
  EXPECT_THAT(c.talk("COMPRESS DEFLATE\r\nt NOOP"), StartsWith("t BAD "));
  EXPECT_EQ(c.talk("NOOP").substr(0, 5), "t OK ");
}

}  // namespace
}  // namespace pabal::access::imap
