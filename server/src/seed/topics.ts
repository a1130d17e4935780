/** A topic that students post about, with the comments of others. */
export interface Topic {
  readonly posts: readonly string[];
  readonly comments: readonly string[];
  /** Replies of the author to comments. */
  readonly replies: readonly string[];
}

/**
 * Texts of posts, comments and replies by topic. Placeholders: `{university}` with its `{city}` and `{country}`,
 * `{subject}`, `{home}`, and the author's own `{greeting}` and `{wish}`.
 */
export const topics: readonly Topic[] = [
  {
    posts: [
      "Visa approved!!! Eleven weeks, four folders of paper, one very patient mother. {city}, see you in autumn.",
      "Embassy appointment done. They asked for exactly the one document I had left in the copy shop.",
      "Is anybody else still waiting for a date at the consulate for {country}? The next free one is in two months.",
      "Tip for {country}: the proof of funds must be younger than a month. I learnt it at the counter.",
    ],
    comments: [
      "Congratulations! How long did the last step take?",
      "Same here, I refresh that page every morning at seven.",
      "Which bank did you use for the blocked account?",
      "Did they keep your passport meanwhile?",
      "I needed three attempts. Do not give up!",
      "Saving this post, thank you.",
    ],
    replies: [
      "About two weeks after the interview.",
      "They gave it back the same day.",
      "I will write it all down this weekend.",
      "Good luck! Write to me if you get stuck.",
    ],
  },
  {
    posts: [
      "IELTS results: 7.5, with a 6.5 in writing that I will pretend not to have seen.",
      "Four weeks until the language test. What did you practise listening with?",
      "Reminder to my past self: book the test centre before you write the plan to study for it.",
      "{greeting} Does {university} take Duolingo scores for {subject}? The page contradicts itself.",
    ],
    comments: [
      "7.5 is great, most programmes ask for 6.5.",
      "Podcasts at double speed. Everything sounds slow afterwards.",
      "They take it, but ask the faculty to be sure.",
      "Writing is always the lowest. Do not retake it for that.",
      "I used the official books and nothing else.",
    ],
    replies: ["That helps, thank you!", "I asked them, they answered within a day.", "Double speed, noted."],
  },
  {
    posts: [
      "I got the scholarship. I am typing this from under the table, where I am crying.",
      "List of scholarships for {country} that still take applications this month: there are five, I checked each page.",
      "Does a rejection letter with a hand-written line count as half a scholarship?",
      "Budget for a year in {city}: rent 620, food 250, the rest hope.",
    ],
    comments: [
      "You deserve every cent of it!",
      "Could you share the list?",
      "Is that with or without health insurance?",
      "620 for rent is optimistic, but possible with flatmates.",
      "They told me they decide in June. Fingers crossed.",
      "Proud of you!",
    ],
    replies: [
      "Thank you all, I read every comment.",
      "Sent it to you.",
      "Insurance is about 120 on top.",
      "I found a room for 540, so there is hope.",
    ],
  },
  {
    posts: [
      "Found a room in {city}! Nine square metres, a window to a chestnut tree, and a landlady who bakes.",
      "Warning: the flat near the station in {city} that asks for a deposit by wire does not exist. I have reported it.",
      "Dormitory or shared flat? Explain it to me as if I had never lived with anyone but my grandmother.",
      "Who is looking for a third flatmate in {city} from September? I cook and I am quiet before ten.",
    ],
    comments: [
      "Dormitory for the first semester, then move with people you like.",
      "Thank you for the warning, they wrote to me too.",
      "I would be interested! Writing to you.",
      "How far is it from campus?",
      "A landlady who bakes beats any view.",
      "Get the contract checked, the student union does it for free.",
    ],
    replies: [
      "Twelve minutes by bike, less downhill.",
      "Good advice, I applied for both now.",
      "Yes please, write to me!",
      "She made plum cake for the viewing.",
    ],
  },
  {
    posts: [
      "Sent the application for {subject} at {university} today. Four months of work, one grey button.",
      "{university} invited me for an interview on Thursday. What did they ask you?",
      "Accepted at {university}!!! {wish}",
      "Waitlisted at {university}, number 7. Has anybody ever moved up from there?",
      "How long was your statement of purpose? Mine has three pages and I love all of them.",
    ],
    comments: [
      "Congratulations, see you in {city}!",
      "They asked me why there and nowhere else. Have a good answer.",
      "Cut it to one page. Then cut it again.",
      "Seven is nothing, they went to twenty last year.",
      "Tell us how it went!",
      "I have sent mine to the same programme, maybe we meet.",
      "¡Mucha suerte!",
      "Félicitations !",
    ],
    replies: [
      "It was friendly, twenty minutes, no trick questions.",
      "One page now. It hurt.",
      "I will keep you all posted.",
      "Thank you so much!",
    ],
  },
  {
    posts: [
      "First week in {city}: I can order bread, apologise, and get lost in two languages.",
      "What nobody told me about {country}: shops close on Sundays, and silence is a hobby.",
      "Homesick today. Made my grandmother's soup from what the corner shop had. It was almost right.",
      "The library of {university} is open until midnight and has heated benches. I live here now.",
      "Snow! My first. I am from {home}, let me have this.",
    ],
    comments: [
      "The second month is easier, I promise.",
      "Send a picture of the soup!",
      "Which shop has the right spices? I have been looking for weeks.",
      "Heated benches?! Ours has broken lamps.",
      "Come to the international evening on Wednesdays.",
      "Buy proper boots. That is all I have to say.",
    ],
    replies: [
      "Behind the market, the one with the green door.",
      "I will come on Wednesday!",
      "Boots bought. You were right.",
      "It helped to read this, thank you.",
    ],
  },
  {
    posts: [
      "{greeting} {wish}",
      "{greeting} I am new here. I study {subject} and look at {country} and everything near it.",
      "Which courses in {subject} are taught in English in {country}? I keep a list and will share it.",
      "Anybody here who went from {home} to {country}? I have a hundred questions and only ask three.",
    ],
    comments: [
      "Welcome! Ask all hundred.",
      "I went last year, it was the best decision.",
      "Look at {university} as well, the course is small and good.",
      "Welcome to Cavity!",
      "Bienvenue !",
      "ようこそ!",
      "أهلاً وسهلاً!",
    ],
    replies: ["Thank you! Question one is on its way.", "Added to the list.", "So kind, thank you!"],
  },
  {
    posts: [
      "Transcript, certified translation, certified copy of the certified translation. I speak fluent stamp now.",
      "My referee has sent the letter. One day before the deadline. I have aged a decade.",
      "Spreadsheet of all deadlines for {country} is ready. It has colours. I am unwell.",
      "The portal of {university} went down an hour before the deadline, and they gave everybody two days more. Faith restored.",
    ],
    comments: [
      "Stamps are the true language test.",
      "I always ask three referees for two letters.",
      "May I have a look at the spreadsheet? Please?",
      "That happened to me last year as well.",
      "What did the translation cost you?",
    ],
    replies: ["Forty a page, and worth it.", "Link is on its way.", "Three for two, that is clever."],
  },
];
