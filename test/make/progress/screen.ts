/** As much of a VT100 as the status row and plain text need: a grid, a cursor, a scrolling region, what scrolled off. */
const BLANK = ' ';

export class Screen {
  readonly #rows: number;
  readonly #columns: number;
  #grid: string[][];
  /** Lines that left the screen at the top. */
  readonly scrolledOff: string[] = [];
  #row = 0;
  #column = 0;
  #saved = { row: 0, column: 0 };
  #top = 0;
  #bottom: number;

  constructor(rows: number, columns: number) {
    this.#rows = rows;
    this.#columns = columns;
    this.#bottom = rows - 1;
    this.#grid = Array.from({ length: rows }, () => this.#blankLine());
  }

  get lines(): string[] {
    return this.#grid.map((line) => line.join('').trimEnd());
  }

  /** What the user has seen go by: everything above and on the screen, less blank lines at the end. */
  get transcript(): string {
    return [...this.scrolledOff, ...this.lines].join('\n').trimEnd();
  }

  write(text: string): void {
    for (let at = 0; at < text.length;) {
      const sequence = /^\x1b(?:\[[\d;]*[A-Za-z]|[78DM])/.exec(text.slice(at))?.[0];
      if (sequence !== undefined) this.#control(sequence);
      else this.#put(text[at] ?? '');
      at += sequence?.length ?? 1;
    }
  }

  #put(char: string): void {
    if (char === '\r') this.#column = 0;
    else if (char === '\n') {
      // As the terminal's line discipline sends it: CR LF.
      this.#column = 0;
      this.#lineFeed();
    } else {
      if (this.#column === this.#columns) this.#put('\n');
      const line = this.#grid[this.#row];
      if (line) line[this.#column] = char;
      this.#column += 1;
    }
  }

  #control(sequence: string): void {
    const [first, second] = [...sequence.matchAll(/\d+/g)].map(([digits]) => Number(digits));
    switch (sequence.slice(-1)) {
      case '7':
        this.#saved = { row: this.#row, column: this.#column };
        return;
      case '8':
        this.#row = this.#saved.row;
        this.#column = this.#saved.column;
        return;
      case 'D':
        this.#lineFeed();
        return;
      case 'A':
        this.#row = Math.max(this.#row >= this.#top ? this.#top : 0, this.#row - (first ?? 1));
        return;
      case 'H':
        this.#row = Math.min(this.#rows, first ?? 1) - 1;
        this.#column = (second ?? 1) - 1;
        return;
      case 'r':
        this.#top = (first ?? 1) - 1;
        this.#bottom = (second ?? this.#rows) - 1;
        this.#row = 0;
        this.#column = 0;
        return;
      case 'K':
        this.#grid[this.#row] = this.#blankLine();
        return;
      case 'm':
        return;
      default:
        throw new Error(`the screen does not know ${JSON.stringify(sequence)}`);
    }
  }

  #lineFeed(): void {
    if (this.#row !== this.#bottom) {
      this.#row = Math.min(this.#rows - 1, this.#row + 1);
      return;
    }
    const [gone] = this.#grid.splice(this.#top, 1);
    if (this.#top === 0) this.scrolledOff.push((gone ?? []).join('').trimEnd());
    this.#grid.splice(this.#bottom, 0, this.#blankLine());
  }

  #blankLine(): string[] {
    return Array.from({ length: this.#columns }, () => BLANK);
  }
}
