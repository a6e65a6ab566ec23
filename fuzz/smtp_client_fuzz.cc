// room: smtp
// Whatever a server says, the client ends, keeps its promises about results, and sends nothing that could be read as
// another command.
#include <string>

#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "net/sim.h"
#include "smtp/client.h"

namespace smtp = pabal::smtp;
namespace net = pabal::net;
using pabal::Result;
using pabal::Task;

namespace {

Task<void> say(std::shared_ptr<net::Stream> stream, std::string octets) {
  Task<Result<void>> writing = stream->write(octets, stream->loop().now() + pabal::hours(1));
  const Result<void> done = co_await writing;
  (void)done;
}
Task<void> listen(std::shared_ptr<net::Stream> stream, std::shared_ptr<std::string> out) {
  char block[4096];
  for (;;) {
    Task<Result<size_t>> reading = stream->read(block, stream->loop().now() + pabal::days(1));
    const Result<size_t> got = co_await reading;
    if (!got || *got == 0) co_return;
    out->append(block, *got);
  }
}

Task<void> converse(std::unique_ptr<net::Stream> stream, uint8_t mode, pabal::Random& random,
                    std::shared_ptr<bool> over) {
  smtp::ClientConnection client(std::move(stream), "client.example");
  Task<Result<void>> helloing = client.hello(mode & 1);
  Result<void> good = co_await helloing;
  if (good && (mode & 2)) {
    Task<Result<void>> proving = client.authenticate("user", "password", random);
    good = co_await proving;
  }
  for (int i = 0; good && client.usable() && i < 3; ++i) {
    smtp::Outgoing message;
    message.mail.reverse_path = "a@b";
    message.mail.body_binary = mode & 4;
    message.mail.smtputf8 = mode & 8;
    message.content = ".x\n.\r\nQUIT\r\n";
    message.recipients.resize(3);
    for (auto& rcpt : message.recipients) rcpt.address = "c@d";
    Task<smtp::SendResult> sending = client.send(message);
    const smtp::SendResult result = co_await sending;
    PABAL_CHECK(result.recipients.size() == 3);
    if (result.transport) PABAL_CHECK(!client.usable());
    for (const smtp::ServerReply& reply : result.recipients) {
      PABAL_CHECK(reply.code == 0 || (reply.code >= 200 && reply.code < 300) ||
                  (reply.code >= 400 && reply.code < 600));
      PABAL_CHECK(reply.code != 0 || result.transport);
    }
  }
  Task<void> quitting = client.quit();
  co_await quitting;
  *over = true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  net::SimLoop loop;
  net::StreamPair pair = net::make_stream_pair(loop);
  std::shared_ptr<net::Stream> server = std::move(pair.server);
  auto heard = std::make_shared<std::string>();
  auto over = std::make_shared<bool>(false);
  pabal::SeededRandom random(1);
  loop.spawn(listen(server, heard));
  std::string octets =
      data[0] & 16 ? "220 x\r\n250-x\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 AUTH SCRAM-SHA-256\r\n"
                   : "";
  octets.append(reinterpret_cast<const char*>(data) + 1, size - 1);
  loop.spawn(say(server, octets));
  loop.spawn(converse(std::move(pair.client), data[0], random, over));
  loop.run_for(pabal::hours(3));
  server->close();
  loop.run_for(pabal::hours(3));
  PABAL_CHECK(*over);
  if (heard->find("BDAT") != heard->npos) return 0;  // octets are octets there
  for (size_t lf = heard->find('\n'); lf != heard->npos; lf = heard->find('\n', lf + 1))
    PABAL_CHECK(lf > 0 && (*heard)[lf - 1] == '\r');
  return 0;
}
