/** The logo and the name. */
export function Mark() {
  return (
    <span className="mark">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="currentColor" className="mark-wall" />
        <path d="M7 26V14a9 9 0 0 1 18 0v12h-5V14.5a4 4 0 0 0-8 0V26z" className="mark-arch" />
      </svg>
      Sallyport
    </span>
  );
}
