throw new Error('nothing to begin with')
