// room: access
// Streams of commands, made from the input, against whole sessions over a small real store, with IMAP beside them; and
// the pure pieces over the input itself: dots that are put can be taken away again.
#include <algorithm>

#include "access/pop3/command.h"
#include "access/pop3/session_testing.h"
#include "access/pop3/stuffing.h"
#include "base/check.h"

namespace {

using namespace pabal;
using namespace pabal::access::pop3;
using access::pop3::testing::World;

// Pieces that random octets would not find.
constexpr std::string_view kWords[] = {"STAT\r\n",
                                       "LIST ",
                                       "UIDL ",
                                       "RETR ",
                                       "TOP ",
                                       "DELE ",
                                       "RSET\r\n",
                                       "NOOP\r\n",
                                       "CAPA\r\n",
                                       "UTF8\r\n",
                                       "LANG ",
                                       "STLS\r\n",
                                       "USER alice@example.com\r\n",
                                       "PASS wrong\r\n",
                                       "AUTH PLAIN ",
                                       "AUTH SCRAM-SHA-256 biws",
                                       "AGFsaWNlQGV4YW1wbGUuY29tAGNvcnJlY3QgaG9yc2U=\r\n",
                                       "*\r\n",
                                       "=\r\n",
                                       "QUIT\r\n",
                                       "1",
                                       "2",
                                       "1 1",
                                       "0",
                                       "999999999",
                                       "\r\n"};

std::string commands(std::string_view input) {
  std::string out;
  for (const char raw : input) {
    const auto c = static_cast<unsigned char>(raw);
    if (c < std::size(kWords))
      out += kWords[c];
    else
      out += raw;
  }
  return out + "\r\n";
}

std::string stuffed(std::string_view message, size_t piece) {
  Stuffing stuffing;
  std::string out;
  for (size_t at = 0; at < message.size(); at += piece) {
    stuffing.feed(message.substr(at, piece));
    for (auto p = stuffing.next(); !p.octets.empty(); p = stuffing.next()) (out += p.dot) += p.octets;
  }
  return out += stuffing.end();
}

void check_pieces(std::string_view input, size_t piece) {
  const std::string wire = stuffed(input, piece);
  PABAL_CHECK(wire == stuffed(input, input.size() + 1));
  std::string back;
  for (size_t at = 0; at < wire.size();) {
    const size_t lf = wire.find('\n', at);
    PABAL_CHECK(lf != wire.npos);
    const std::string_view line = std::string_view(wire).substr(at, lf + 1 - at);
    at = lf + 1;
    // Only the last line is a dot alone, whatever a client takes for a line end.
    PABAL_CHECK((line == ".\r\n" || line == ".\n") == (at == wire.size()));
    if (at < wire.size()) back += line.substr(line.front() == '.');
  }
  PABAL_CHECK(back == input || back == std::string(input) + "\r\n");
  for (size_t lines = 0, last = 0; lines < 4; ++lines) {
    const size_t size = top_size(input, lines);
    PABAL_CHECK(size >= last && size <= input.size());
    last = size;
  }

  LineReader reader;
  for (size_t at = 0; at < input.size(); at += piece) {
    reader.feed(input.substr(at, piece));
    while (reader.next() == LineReader::State::kLine) {
      const std::string line = reader.take();
      PABAL_CHECK(line.size() <= kMaxLine + 1 && line.find('\n') == line.npos);
      const Command command = parse_command(line);
      PABAL_CHECK(command.name.size() <= 4);
      if (const auto numbers = parse_numbers(command.text, 1, 2))
        PABAL_CHECK(!numbers->empty() && numbers->size() <= 2);
    }
  }
}

World& world() {
  static World* const made = [] {
    auto* w = new World;
    w->deliver("Subject: dots\r\n\r\n.\r\n..\r\nx\r\n");
    w->deliver("Subject: \xec\xa0\x9c\r\n\r\n.\n.\nno end");
    return w;
  }();
  return *made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 4096) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  check_pieces(input.substr(1), 1 + data[0] % 20);

  World& w = world();
  auto& in = w.pop3_logged_in();
  auto& out = w.pop3_greeted();
  in.send(commands(input));
  out.send(commands(input));
  w.loop.run_for(seconds(1));
  in.hang_up();
  out.hang_up();
  w.loop.run_for(minutes(15));
  w.forget_pop3_clients();
  // Whatever was said: the maildrop is free again.
  PABAL_CHECK(w.locks.take(w.alice) != nullptr);
  if (w.box("INBOX").messages < 2) w.deliver("Subject: again\r\n\r\n.again\r\n");
  return 0;
}
