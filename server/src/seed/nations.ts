/** A country that seeded students come from, and the names that are usual there. */
export interface Nation {
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly givenNames: readonly string[];
  readonly familyNames: readonly string[];
  readonly isFamilyFirst: boolean;
  /** The text between the two names. */
  readonly separator: "" | " ";
  /** A greeting in the student's own language. */
  readonly greeting: string;
  /** A sentence about going abroad, in the same language. */
  readonly wish: string;
}

const nation = (
  country: string,
  givenNames: string,
  familyNames: string,
  {
    greeting,
    wish,
    order = "given-first",
  }: {
    readonly greeting: string;
    readonly wish: string;
    /** `joined`: the family name first, without a space. */
    readonly order?: "given-first" | "family-first" | "joined";
  },
): Nation => ({
  country,
  givenNames: givenNames.split(" "),
  familyNames: familyNames.split(" "),
  isFamilyFirst: order !== "given-first",
  separator: order === "joined" ? "" : " ",
  greeting,
  wish,
});

export const nations: readonly Nation[] = [
  nation(
    "IN",
    "Asha Priya Ananya Kavya Meera Rohan Arjun Vikram Aditya Karthik",
    "Sharma Iyer Patel Reddy Nair Banerjee Kulkarni Singh",
    { greeting: "नमस्ते!", wish: "मेरा सपना है विदेश में पढ़ना।" },
  ),
  nation("CN", "思远 雨桐 子涵 晓雯 佳怡 浩然 明轩 志强 梓萱 宇航", "王 李 张 刘 陈 杨 赵 黄", {
    greeting: "大家好!",
    wish: "希望明年能出国留学。",
    order: "joined",
  }),
  nation("JP", "結衣 葵 さくら 美咲 陽菜 蓮 大翔 悠真 颯太 健", "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村", {
    greeting: "はじめまして!",
    wish: "来年から留学したいです。",
    order: "family-first",
  }),
  nation("KR", "서연 지우 민서 하은 수빈 민준 도윤 지호 현우 준서", "김 이 박 최 정 강 조 윤", {
    greeting: "안녕하세요!",
    wish: "유학을 준비하고 있어요.",
    order: "joined",
  }),
  nation(
    "BR",
    "Ana Beatriz Larissa Mariana Camila Lucas Gabriel Rafael Thiago Felipe",
    "Silva Souza Oliveira Pereira Costa Almeida Ribeiro Carvalho",
    { greeting: "Oi, gente!", wish: "Meu sonho é estudar fora." },
  ),
  nation(
    "MX",
    "Sofía Valentina Ximena Regina Fernanda Diego Santiago Emiliano Mateo Andrés",
    "Hernández García Martínez López Ramírez Torres Flores Cruz",
    { greeting: "¡Hola a todos!", wish: "Quiero hacer mi maestría en el extranjero." },
  ),
  nation(
    "CO",
    "Daniela Laura Paula Juliana Manuela Sebastián Nicolás Camilo Julián Esteban",
    "Rodríguez Gómez Moreno Vargas Castro Rojas Ortiz Jiménez",
    { greeting: "¡Buenas!", wish: "Me voy a estudiar afuera, ¡por fin!" },
  ),
  nation(
    "NG",
    "Chioma Adaeze Ngozi Folake Amara Chinedu Tunde Emeka Segun Ifeanyi",
    "Okafor Adeyemi Eze Balogun Okonkwo Nwosu Adebayo Obi",
    { greeting: "How far!", wish: "Abroad, here I come." },
  ),
  nation(
    "GH",
    "Akosua Ama Abena Efua Adwoa Kwame Kofi Kojo Yaw Kwabena",
    "Mensah Owusu Boateng Asante Osei Appiah Agyeman Addo",
    { greeting: "Ɛte sɛn?", wish: "One scholarship letter away from my dream." },
  ),
  nation(
    "KE",
    "Wanjiku Akinyi Njeri Atieno Wambui Otieno Kamau Mwangi Kiprop Omondi",
    "Kariuki Odhiambo Wanjala Mutua Njoroge Cheruiyot Ouma Kimani",
    { greeting: "Habari zenu!", wish: "Ninataka kusoma ng'ambo." },
  ),
  nation(
    "ET",
    "Hana Selam Bethlehem Meron Tigist Abebe Dawit Yonas Bereket Henok",
    "Tesfaye Bekele Haile Tadesse Girma Alemu Kebede Assefa",
    { greeting: "ሰላም!", wish: "ውጭ አገር መማር እፈልጋለሁ።" },
  ),
  nation(
    "EG",
    "سلمى مريم نور هبة ياسمين أحمد محمود كريم عمر يوسف",
    "حسن إبراهيم محمود علي فؤاد منصور سليمان عثمان",
    {
      greeting: "أهلاً بالجميع!",
      wish: "أحلم بالدراسة في الخارج.",
    },
  ),
  nation(
    "MA",
    "Salma Imane Khadija Hajar Zineb Youssef Mehdi Hamza Ayoub Anas",
    "Alaoui Bennani Tazi Idrissi Berrada Chraibi Fassi Amrani",
    { greeting: "Salam tout le monde !", wish: "Je prépare mon dossier pour l'année prochaine." },
  ),
  nation(
    "SA",
    "نورة سارة ريم لمى العنود فهد خالد سلطان عبدالله تركي",
    "العتيبي القحطاني الغامدي الشهري الحربي الدوسري الزهراني المطيري",
    {
      greeting: "السلام عليكم",
      wish: "أستعد للابتعاث.",
    },
  ),
  nation(
    "TR",
    "Zeynep Elif Defne Ayşe Ece Emre Mert Can Burak Kerem",
    "Yılmaz Kaya Demir Çelik Şahin Yıldız Aydın Öztürk",
    { greeting: "Merhaba!", wish: "Yurt dışında yüksek lisans yapmak istiyorum." },
  ),
  nation(
    "UA",
    "Олена Ірина Софія Дарина Марія Андрій Тарас Олексій Богдан Максим",
    "Шевченко Коваленко Бондаренко Ткаченко Кравчук Мельник Поліщук Гончар",
    {
      greeting: "Привіт усім!",
      wish: "Готую документи на магістратуру.",
    },
  ),
  nation(
    "PL",
    "Zofia Maja Julia Oliwia Alicja Jakub Antoni Szymon Filip Mikołaj",
    "Nowak Mazur Wójcik Krawczyk Kaczmarek Pawlak Sikora Zając",
    { greeting: "Cześć!", wish: "Chcę studiować za granicą." },
  ),
  nation(
    "DE",
    "Emma Hannah Lena Marie Clara Jonas Felix Paul Lukas Moritz",
    "Schneider Fischer Weber Becker Hoffmann Schäfer Koch Richter",
    { greeting: "Moin zusammen!", wish: "Ein Jahr ins Ausland, das wär's." },
  ),
  nation(
    "FR",
    "Camille Chloé Manon Inès Léa Hugo Louis Théo Arthur Nathan",
    "Martin Bernard Dubois Moreau Laurent Lefèvre Roux Girard",
    { greeting: "Salut !", wish: "Je pars en échange l'an prochain." },
  ),
  nation(
    "IT",
    "Giulia Chiara Martina Sara Alessia Lorenzo Matteo Davide Riccardo Tommaso",
    "Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci",
    { greeting: "Ciao a tutti!", wish: "Vorrei fare la magistrale all'estero." },
  ),
  nation(
    "ES",
    "Lucía Paula Alba Carla Noelia Pablo Hugo Álvaro Marcos Iker",
    "Fernández González Sánchez Romero Navarro Serrano Molina Ortega",
    { greeting: "¡Buenas a todos!", wish: "El año que viene me voy fuera." },
  ),
  nation(
    "GR",
    "Ελένη Μαρία Κατερίνα Σοφία Άννα Γιώργος Νίκος Δημήτρης Κώστας Γιάννης",
    "Γεωργίου Οικονόμου Νικολάου Βασιλείου Αντωνίου Ιωάννου Χρήστου Δημητρίου",
    {
      greeting: "Γεια σας!",
      wish: "Θέλω να σπουδάσω στο εξωτερικό.",
    },
  ),
  nation(
    "VN",
    "Linh Trang Mai Hương Thảo Minh Tuấn Dũng Huy Khánh",
    "Nguyễn Trần Lê Phạm Hoàng Vũ Đặng Bùi",
    { greeting: "Xin chào mọi người!", wish: "Mình đang chuẩn bị đi du học.", order: "family-first" },
  ),
  nation(
    "PH",
    "Maria Angelica Bianca Jasmine Patricia Joshua Miguel Paolo Carlo Rafael",
    "Santos Reyes Cruz Bautista Ocampo Garcia Mendoza Villanueva",
    { greeting: "Kumusta kayong lahat!", wish: "Gusto kong mag-aral sa ibang bansa." },
  ),
  nation(
    "ID",
    "Putri Dewi Ayu Sari Intan Budi Rizky Dimas Fajar Bayu",
    "Wijaya Santoso Pratama Saputra Kusuma Nugroho Hidayat Lestari",
    { greeting: "Halo semuanya!", wish: "Semoga tahun depan bisa kuliah di luar negeri." },
  ),
  nation(
    "TH",
    "กัญญา พิมพ์ชนก ณัฐธิดา สุภาวดี ชลธิชา ธนกร ณัฐวุฒิ กิตติ ปกรณ์ วรากร",
    "ใจดี สุขสวัสดิ์ ทองคำ ศรีสุข แสงทอง บุญมา วงศ์ไทย รัตนกุล",
    {
      greeting: "สวัสดี",
      wish: "อยากไปเรียนต่อต่างประเทศ",
    },
  ),
  nation(
    "PK",
    "Ayesha Fatima Zainab Mahnoor Hira Ali Bilal Usman Hamza Saad",
    "Khan Malik Qureshi Siddiqui Chaudhry Butt Sheikh Raza",
    { greeting: "السلام علیکم!", wish: "میرا خواب ہے بیرونِ ملک پڑھنا۔" },
  ),
  nation(
    "BD",
    "নুসরাত তানজিলা মৌসুমী সাদিয়া রিমা রাকিব তানভীর আরিফ সাকিব ইমরান",
    "রহমান ইসলাম হোসেন আহমেদ চৌধুরী সরকার দাস করিম",
    {
      greeting: "সবাইকে শুভেচ্ছা!",
      wish: "বিদেশে পড়তে যেতে চাই।",
    },
  ),
  nation(
    "KZ",
    "Айгерим Дана Аружан Мадина Асель Нурлан Ерлан Алихан Тимур Данияр",
    "Серік Болат Қасым Ахмет Жұмабай Сәкен Ермек Оспан",
    { greeting: "Сәлем!", wish: "Шетелде оқығым келеді." },
  ),
  nation(
    "ZA",
    "Thandiwe Lerato Nomvula Ayanda Zanele Sipho Thabo Johan Mandla Pieter",
    "Dlamini Nkosi Botha Khumalo Naidoo Mokoena Pillay Zulu",
    { greeting: "Sawubona!", wish: "Ready for a year somewhere new." },
  ),
  nation(
    "US",
    "Emily Madison Grace Olivia Hailey Ethan Noah Tyler Caleb Marcus",
    "Johnson Williams Brown Nguyen Davis Rivera Thompson Bennett",
    { greeting: "Hey everyone!", wish: "Counting down to my semester abroad." },
  ),
  nation(
    "PE",
    "Milagros Rosa Fiorella Luz Carmen Renzo Bruno Álvaro Jesús Piero",
    "Quispe Huamán Mamani Chávez Espinoza Salazar Paredes Vega",
    { greeting: "¡Hola, causas!", wish: "Postulando a becas con todo." },
  ),
];
