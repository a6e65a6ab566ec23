// A client that keeps a copy of a mailbox, goes away at any moment and comes back by QRESYNC, against others that
// change it all the time: whatever happened, its copy is the mailbox then. Nothing else is told to it than what the
// server says.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "access/imap/sequence_set.h"
#include "access/imap/session_testing.h"
#include "base/random.h"
#include "base/text.h"

namespace pabal::access::imap {
namespace {

using testing::Client;
using testing::World;

struct Known {
  std::set<std::string> flags;
  uint64_t modseq = 0;
};
using Copy = std::map<uint32_t, Known>;

uint64_t number_after(const std::string& line, const std::string& what) {
  const size_t at = line.find(what);
  return at == line.npos ? 0 : std::strtoull(line.c_str() + at + what.size(), nullptr, 10);
}

std::vector<uint32_t> uids_of(const std::string& set) {
  std::vector<uint32_t> out;
  const auto parsed = parse_set(set);
  for (const SequenceSet::Range& r : parsed->ranges)
    for (uint32_t uid = r.first; uid <= r.last; ++uid) out.push_back(uid);
  return out;
}

// RFC 7162 §6: what a client may conclude.
class Disconnected {
 public:
  Copy copy;
  uint64_t highest = 0;
  std::string said;  // the last command and its answer

  void connect(World& world) {
    client_ = &world.logged_in();
    client_->talk("ENABLE QRESYNC");
    exists_ = 0;
    part_.clear();
  }
  // Opens the mailbox with what it knows, and fetches what it never saw.
  void resume(World& world, SeededRandom& random) {
    connect(world);
    const std::string validity = std::to_string(world.box("INBOX").uid_validity);
    if (highest == 0) {
      talk("SELECT INBOX");
    } else if (random.below(4) == 0) {
      fetching_ = true;  // what is new comes after what was missed, or the modseq of the new would be taken for all
      talk("SELECT INBOX (CONDSTORE)", false);
      fetching_ = false;
      talk("UID FETCH 1:" + std::to_string(last() + 1) + " (FLAGS) (CHANGEDSINCE " + std::to_string(highest) +
           " VANISHED)");
    } else {
      std::string more;
      if (last() > 0 && random.below(2) == 0) more = " 1:" + std::to_string(last());
      if (!copy.empty() && random.below(2) == 0) more += pairs(random);
      talk("SELECT INBOX (QRESYNC (" + validity + " " + std::to_string(highest) + more + "))");
    }
  }
  void fetch_new() { talk("UID FETCH " + std::to_string(last() + 1) + ":* (FLAGS MODSEQ)"); }
  // `concludes`: from the tagged answer on it keeps the modseq that it was told.
  std::string talk(const std::string& command, bool concludes = true) {
    const std::string answer = client_->talk(command);
    said = command + "\n" + answer;
    hear(answer);
    if (concludes && answer.find("t OK") != answer.npos) {
      // A code counts before any MODSEQ; without one the greatest MODSEQ does.
      if (code_ > 0)
        highest = code_;
      else
        highest = std::max(highest, seen_);
    }
    code_ = seen_ = 0;
    if (!std::exchange(fetching_, true)) {
      while (exists_ > copy.size() && !::testing::Test::HasFatalFailure()) fetch_new();
      fetching_ = false;
    }
    return answer;
  }
  void silent(const std::string& uids, char sign, const std::string& flag) {
    sign_ = sign;
    flag_ = flag;
    talk("UID STORE " + uids + " " + std::string(1, sign) + "FLAGS.SILENT (" + flag + ")");
    flag_.clear();
  }
  // What came while it said nothing.
  void listen() { hear(client_->take()); }
  void vanish() {
    listen();
    client_->hang_up();
    code_ = seen_ = 0;
  }
  uint32_t exists() const { return exists_; }
  uint32_t last() const { return copy.empty() ? last_ : std::max(last_, copy.rbegin()->first); }

 private:
  std::string pairs(SeededRandom& random) const {
    std::vector<mailbox::Uid> numbers, uids;
    uint32_t n = 0;
    for (const auto& [uid, known] : copy) {
      ++n;
      if (random.below(3) > 0) continue;
      numbers.push_back(n);
      uids.push_back(uid);
    }
    return numbers.empty() ? "" : " (" + set_text(numbers) + " " + set_text(uids) + ")";
  }

  void hear(const std::string& text) {
    part_ += text;
    const size_t end = part_.rfind('\n');
    if (end == part_.npos) return;
    const std::string whole = part_.substr(0, end);
    part_.erase(0, end + 1);
    for (const std::string_view line : text::split(whole, '\n')) {
      take(std::string(text::trim(line)));
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  void take(const std::string& line) {
    if (line.find(" OK [HIGHESTMODSEQ ") != line.npos) code_ = number_after(line, "[HIGHESTMODSEQ ");
    if (!line.starts_with("* ")) return;
    if (line.starts_with("* VANISHED (EARLIER) ")) {
      for (const uint32_t uid : uids_of(line.substr(21))) copy.erase(uid);
      return;
    }
    if (line.starts_with("* VANISHED ")) {
      for (const uint32_t uid : uids_of(line.substr(11))) {
        copy.erase(uid);
        ASSERT_GT(exists_--, 0u) << line;
      }
      return;
    }
    const auto n = static_cast<uint32_t>(number_after(line, "* "));
    if (line.ends_with(" EXISTS")) {
      ASSERT_GE(n, exists_) << line;
      exists_ = n;
    }
    if (line.find(" FETCH (") == line.npos) return;
    ASSERT_TRUE(n >= 1 && n <= exists_) << line;
    const auto uid = static_cast<uint32_t>(number_after(line, "UID "));
    ASSERT_GT(uid, 0u) << line;
    last_ = std::max(last_, uid);
    Known& known = copy[uid];
    if (const size_t at = line.find("FLAGS ("); at != line.npos) {
      known.flags.clear();
      const std::string flags = line.substr(at + 7, line.find(')', at) - at - 7);
      for (const std::string_view flag : text::split(flags, ' '))
        if (!flag.empty()) known.flags.emplace(flag);
    } else if (!flag_.empty()) {
      sign_ == '+' ? (void)known.flags.insert(flag_) : (void)known.flags.erase(flag_);
    }
    if (const uint64_t modseq = number_after(line, "MODSEQ (")) {
      known.modseq = modseq;
      seen_ = std::max(seen_, modseq);
    }
  }

  Client* client_ = nullptr;
  std::string part_, flag_;
  char sign_ = '+';
  bool fetching_ = false;
  uint32_t exists_ = 0, last_ = 0;
  uint64_t code_ = 0, seen_ = 0;
};

Copy truth(World& world) {
  Disconnected fresh;
  fresh.connect(world);
  fresh.talk("SELECT INBOX");
  fresh.talk("FETCH 1:* (UID FLAGS MODSEQ)");
  return fresh.copy;
}

std::string text_of(const Copy& copy) {
  std::string out;
  for (const auto& [uid, known] : copy) {
    out += std::to_string(uid) + "@" + std::to_string(known.modseq) + "(";
    for (const std::string& flag : known.flags) out += flag + " ";
    out += ") ";
  }
  return out;
}

TEST(ImapResync, ACopyIsTheMailboxAfterAllThatWasMissed) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    World world;
    SeededRandom random(seed);
    const std::string letter = "Subject: x\r\n\r\nhello\r\n";
    for (int i = 0; i < 6; ++i) world.deliver(letter);
    std::vector<Client*> others = {&world.selected(), &world.selected()};
    Disconnected one;
    one.resume(world, random);
    const char* kFlags[] = {"\\Seen", "\\Flagged", "\\Deleted", "$Junk"};
    const auto some = [&] {
      const uint64_t from = 1 + random.below(std::max<uint64_t>(one.last(), 1) + 3);
      return std::to_string(from) + ":" + std::to_string(from + random.below(4));
    };
    bool away = false, listening = false;
    for (int step = 0; step < 70; ++step) {
      const std::string flag = kFlags[random.below(4)];
      const std::string sign = random.below(2) ? "+" : "-";
      Client& other = *others[random.below(2)];
      switch (random.below(14)) {
        case 0:
        case 1:
          world.deliver(letter);
          break;
        case 2:
        case 3:
          other.talk("UID STORE " + some() + " " + sign + "FLAGS (" + flag + ")");
          break;
        case 4:
          other.talk("UID STORE " + some() + " +FLAGS.SILENT (\\Deleted)");
          other.talk("EXPUNGE");
          break;
        case 5:
          other.talk("UID MOVE " + some() + " Junk");
          break;
        case 6:
          other.talk("UID COPY " + some() + " INBOX");
          break;
        case 7:
          if (random.below(3) == 0) world.forget_changes();
          break;
        case 8:
          if (!away) one.silent(some(), sign[0], flag);
          break;
        case 9:
          if (!away)
            one.talk("UID STORE " + some() + " (UNCHANGEDSINCE " + std::to_string(one.highest) + ") " + sign +
                     "FLAGS (" + flag + ")");
          break;
        case 10:
          // In answers to FETCH with numbers removals wait.
          if (!away && one.exists() > 0)
            one.talk("FETCH 1:" + std::to_string(1 + random.below(one.exists())) + " (UID FLAGS MODSEQ)");
          break;
        case 11:
          if (away) break;
          listening = random.below(2);
          one.talk(listening ? "NOTIFY SET (selected (MessageNew (UID FLAGS MODSEQ) MessageExpunge FlagChange))"
                             : "NOTIFY SET (selected-delayed (MessageNew (UID FLAGS MODSEQ) MessageExpunge))");
          break;
        case 12:
          if (!away) one.listen();
          if (!away) one.talk("NOOP");
          break;
        case 13:
          if (!away) {
            one.vanish();
          } else {
            one.resume(world, random);
            const Copy now = truth(world);
            ASSERT_EQ(text_of(one.copy), text_of(now)) << "seed " << seed << " step " << step << "\n" << one.said;
            ASSERT_EQ(one.exists(), now.size()) << "seed " << seed << " step " << step;
          }
          away = !away;
          break;
      }
      if (HasFatalFailure()) FAIL() << "seed " << seed << " step " << step;
    }
    if (!away) one.vanish();
    one.resume(world, random);
    ASSERT_EQ(text_of(one.copy), text_of(truth(world))) << "seed " << seed;
  }
}

}  // namespace
}  // namespace pabal::access::imap
